import { describe, expect, it } from 'vitest';
import { didYouMean, Name, nearestName } from '../../domain/names.js';

describe('Name', () => {
  it.each(['a', 'flight-delay', '7-eleven', 'a'.repeat(63)])('accepts %j', (name) => {
    expect(Name.safeParse(name).success).toBe(true);
  });

  it.each(['', '-a', 'Flight', 'a_b', 'a/b', 'a'.repeat(64), 'é'])('refuses %j', (name) => {
    expect(Name.safeParse(name).success).toBe(false);
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
