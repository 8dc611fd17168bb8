/** Columns as a few levels each, so that rows can be told apart by them: categories, whole values, or bins. */
import { quantile } from './intervals.js';

/** Levels of a column that are told apart; rarer ones share one. */
export const MAX_LEVELS = 50;
/** A numeric column with more different values is cut into bins of equal numbers of rows. */
const MAX_PLAIN_VALUES = 20;
const BINS = 5;

const MISSING = 'missing';
const OTHERS = 'others';

export interface Levels {
  readonly column: string;
  readonly names: readonly string[];
  /** Level of each row. */
  readonly levelOf: Uint16Array;
}

/** The most frequent texts by frequency; "" is a missing value. */
export function levelsOfTexts(column: string, texts: readonly string[]): Levels {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  const ranked = [...counts].sort(([left, few], [right, many]) => many - few || (left < right ? -1 : 1));
  const kept = ranked.slice(0, MAX_LEVELS).map(([text]) => text);
  const positions = new Map(kept.map((text, position) => [text, position]));
  const names = kept.map((text) => (text === '' ? MISSING : text));
  return {
    column,
    names: ranked.length > kept.length ? [...names, OTHERS] : names,
    levelOf: Uint16Array.from(texts, (text) => positions.get(text) ?? kept.length),
  };
}

/** Whole values where there are few, else five bins; NaN is a level of its own. */
export function levelsOfNumbers(column: string, values: Float32Array): Levels {
  const present = values.filter((value) => !Number.isNaN(value)).sort();
  const distinct = [...new Set(present)];
  const plain = distinct.length <= MAX_PLAIN_VALUES;
  const edges = plain ? distinct : binEdges(present);
  const names = plain ? distinct.map(shown) : edges.map((edge, bin) => binName(edge, edges[bin + 1]));
  const hasMissing = present.length < values.length;
  return {
    column,
    names: hasMissing ? [...names, MISSING] : names,
    levelOf: Uint16Array.from(values, (value) => (Number.isNaN(value) ? names.length : lastAtMost(edges, value))),
  };
}

/** Lower edges of bins, ascending, each once; the first is the least value. */
function binEdges(sorted: Float32Array): number[] {
  const shares = Array.from({ length: BINS }, (_unused, bin) => bin / BINS);
  return [...new Set(shares.map((share) => quantile(sorted, share)))];
}

/** Position of the greatest edge that is not above the value. */
function lastAtMost(edges: readonly number[], value: number): number {
  let position = 0;
  while (position + 1 < edges.length && (edges[position + 1] as number) <= value) position += 1;
  return position;
}

function binName(from: number, to: number | undefined): string {
  return to === undefined ? `${shown(from)} or more` : `${shown(from)} to below ${shown(to)}`;
}

function shown(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** Rows of each level, in order. */
export function rowsByLevel({ names, levelOf }: Levels): Uint32Array[] {
  const sizes = new Uint32Array(names.length);
  for (const level of levelOf) sizes[level] = (sizes[level] as number) + 1;
  const rows = names.map((_name, level) => new Uint32Array(sizes[level] as number));
  const filled = new Uint32Array(names.length);
  for (const [row, level] of levelOf.entries()) {
    const at = filled[level] as number;
    rows[level]?.fill(row, at, at + 1);
    filled[level] = at + 1;
  }
  return rows;
}
