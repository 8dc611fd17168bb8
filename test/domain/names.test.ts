import { describe, expect, it } from 'vitest';
import { ColumnName, didYouMean, Name, nearestName } from '../../domain/names.js';

describe('Name', () => {
  it.each(['a', 'flight-delay', '7-eleven', 'a'.repeat(63)])('accepts %j', (name) => {
    expect(Name.safeParse(name).success).toBe(true);
  });

  it.each(['', '-a', 'Flight', 'a_b', 'a/b', 'a'.repeat(64), 'é'])('refuses %j', (name) => {
    expect(Name.safeParse(name).success).toBe(false);
  });
});

describe('both kinds of names', () => {
  it('refuse words that every plain object knows', () => {
    expect(Name.safeParse('constructor').error?.issues[0]?.message).toBe('this word is reserved; choose another');
    for (const word of ['__proto__', 'toString', 'hasOwnProperty', 'constructor'])
      expect(ColumnName.safeParse(word).success).toBe(false);
    expect(ColumnName.safeParse('constructors').success).toBe(true);
  });
});

describe('nearestName', () => {
  it('finds the name a typing slip meant', () => {
    expect(nearestName('fligths', ['airports', 'flights', 'fleets'])).toBe('flights');
  });

  it('offers nothing when nothing is near', () => {
    expect(nearestName('weather', ['flights'])).toBeUndefined();
    expect(didYouMean('weather', ['flights'])).toBe('');
  });
});
