import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationMicros, Duration } from '../../domain/duration.js';
import { floorTo, micros, MICROS_PER_DAY, parseIso, toIso } from '../../domain/time.js';

describe('parseIso', () => {
  it('reads microseconds that Date would lose', () => {
    expect(parseIso('2001-03-01T06:00:00.000001Z')).toBe(983_426_400_000_001);
  });

  it('reads a bare date and a time without offset as UTC', () => {
    expect(parseIso('2001-03-01')).toBe(983_404_800_000_000);
    expect(parseIso('2001-03-01 06:00')).toBe(983_426_400_000_000);
  });

  it('honours an offset', () => {
    expect(parseIso('2001-03-01T06:00:00+02:00')).toBe(983_419_200_000_000);
  });

  it.each(['yesterday', '2001-13-01', '2001-03-01T25:00:00Z', '', '9999-12-31'])(
    'refuses %j with what came',
    (text) => {
      expect(() => parseIso(text)).toThrow(
        `Expected an ISO 8601 time or whole microseconds, from the year 1685 to 2255, got "${text}".`,
      );
    },
  );

  it('reads back what toIso renders', () => {
    fc.assert(fc.property(fc.integer({ min: -1e15, max: 4e15 }), (value) => parseIso(toIso(micros(value))) === value));
  });
});

describe('floorTo', () => {
  it('goes down before 1970 too', () => {
    expect(floorTo(micros(-1), MICROS_PER_DAY)).toBe(-MICROS_PER_DAY);
  });

  it('leaves a multiple alone', () => {
    expect(floorTo(micros(2 * MICROS_PER_DAY), MICROS_PER_DAY)).toBe(2 * MICROS_PER_DAY);
  });
});

describe('Duration', () => {
  it.each([
    ['90s', 90_000_000],
    ['12h', 43_200_000_000],
    ['2w', 1_209_600_000_000],
    ['5ms', 5_000],
  ])('%s is %i microseconds', (text, expected) => {
    expect(durationMicros(text)).toBe(expected);
  });

  it.each(['1', 'h', '1.5h', '-1d', '1y'])('refuses %j', (text) => {
    expect(Duration.safeParse(text).success).toBe(false);
  });
});
