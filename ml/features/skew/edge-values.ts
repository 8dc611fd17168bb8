/** Values at which implementations part ways: what a certificate tries on every input, beside real rows. */
import { MICROS_PER_DAY, MICROS_PER_HOUR } from '../../../domain/time.js';
import { neighbour } from './float32.js';

const [SMALLEST_SUBNORMAL, SMALLEST_NORMAL, GREATEST] = [2 ** -149, 2 ** -126, 3.4028234663852886e38];
/** From 2²³ on float32 has no fractions, from 2²⁴ on not all integers, and 2⁵³ is where float64 stops having them. */
const [NO_FRACTIONS, NO_ODD, NO_ODD_FLOAT64] = [2 ** 23, 2 ** 24, 2 ** 53];

const MAGNITUDES = [
  SMALLEST_SUBNORMAL,
  neighbour(SMALLEST_NORMAL, -1),
  SMALLEST_NORMAL,
  0.1,
  neighbour(0.5, -1),
  0.5,
  neighbour(0.5, 1),
  neighbour(1, -1),
  1,
  1.5,
  2,
  2.5,
  3.5,
  Math.PI,
  88.7,
  89,
  104,
  NO_FRACTIONS - 1.5,
  NO_FRACTIONS - 1,
  NO_FRACTIONS - 0.5,
  NO_FRACTIONS,
  NO_FRACTIONS + 1,
  NO_ODD - 1,
  NO_ODD,
  NO_ODD + 2,
  NO_ODD_FLOAT64 - 2 ** 29,
  NO_ODD_FLOAT64,
  1.8446744e19,
  GREATEST,
  Number.POSITIVE_INFINITY,
];

/** float32 values: zeros, subnormals, ties, limits, infinities, missing, and each constant with its halves and neighbours. */
export function edgeNumbers(constants: readonly number[]): number[] {
  const near = constants.flatMap((constant) =>
    [constant, constant / 2, constant * 1.5].flatMap((value) => [
      neighbour(value, -1),
      Math.fround(value),
      neighbour(value, 1),
    ]),
  );
  const magnitudes = [...MAGNITUDES.map(Math.fround), ...near];
  return distinct([0, -0, Number.NaN, ...magnitudes, ...magnitudes.map((value) => -value)]);
}

/** Microseconds: each hour and weekday with its neighbours, leap days, before 1970, and the last safe integers. */
export function edgeTimes(): number[] {
  const days = ['1900-03-01', '1969-12-31', '1970-01-01', '1999-12-31', '2000-02-29', '2024-03-31'].map(
    (day) => Date.parse(`${day}T00:00:00Z`) * 1_000,
  );
  const week = Array.from(
    { length: 8 },
    (_unused, day) => Date.parse('2001-03-01T00:00:00Z') * 1_000 + day * MICROS_PER_DAY,
  );
  const hours = Array.from({ length: 24 }, (_unused, hour) => -MICROS_PER_DAY + hour * MICROS_PER_HOUR);
  const boundaries = [...days, ...week, ...hours, MICROS_PER_HOUR, 60_000_000, -60_000_000];
  const limits = [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
  return distinct([...boundaries.flatMap((time) => [time - 1, time, time + 1]), ...limits]);
}

/** Texts: empty, each constant with its look-alikes, and what trimming, folding and normalising would change. */
export function edgeTexts(constants: readonly string[]): string[] {
  const alike = constants.flatMap((text) => [
    text,
    text.toLowerCase(),
    text.toUpperCase(),
    ` ${text}`,
    `${text} `,
    `${text}\0`,
    text.slice(0, -1),
  ]);
  // A NUL ends texts of C. İ grows when it is lowered; é comes as one code point or two; U+00A0 is a blank to some; an emoji is two UTF-16 units.
  const strange = [
    '',
    ' ',
    'nan',
    'null',
    'NaN',
    '\u0130',
    'Z\u00fcrich',
    '\u00e9',
    'e\u0301',
    'a\u00a0b',
    '\u{1f6eb}',
    "'",
    '"',
    '\\',
    '\n',
    '\ufeff',
  ];
  return distinct([...strange, ...alike]);
}

/** Object.is tells −0 from 0 and NaN from nothing else; a set does not. */
function distinct<T>(values: readonly T[]): T[] {
  return [...new Map(values.map((value) => [Object.is(value, -0) ? '-0' : value, value])).values()];
}
