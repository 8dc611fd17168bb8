/** Durations as people write them in resources: `90s`, `15m`, `12h`, `7d`, `2w`. */
import { z } from 'zod';

const UNIT_MICROS: Readonly<Record<string, number>> = {
  ms: 1_000,
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
  d: 86_400_000_000,
  w: 604_800_000_000,
};
const DURATION_PATTERN = /^(\d{1,6})(ms|s|m|h|d|w)$/;

/** A duration in text, validated where it enters; read it with {@link durationMicros}. */
export const Duration = z
  .string()
  .regex(DURATION_PATTERN, 'expected a duration such as 90s, 15m, 12h, 7d or 2w')
  .meta({ description: 'Whole number and unit: ms, s, m, h, d, w', examples: ['12h', '7d'] });
export type Duration = z.infer<typeof Duration>;

/** Length in microseconds. The text must have passed {@link Duration}. */
export function durationMicros(duration: Duration): number {
  const match = DURATION_PATTERN.exec(duration);
  const unit = UNIT_MICROS[match?.[2] ?? ''];
  if (match === null || unit === undefined) throw new RangeError(`not a duration: ${duration}`);
  return Number(match[1]) * unit;
}

export function durationMs(duration: Duration): number {
  return durationMicros(duration) / 1_000;
}
