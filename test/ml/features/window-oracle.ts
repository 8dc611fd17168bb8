/** Windowed aggregates the slow and obvious way: every cut looks at every row. */
import { durationMicros } from '../../../domain/duration.js';
import { longestWindowMicros, type WindowedFeature, type WindowedView } from '../../../domain/feature-view.js';

/** A row of the dataset as it was committed. */
export interface OracleRow {
  readonly key: string;
  /** With the event time what a later commit restates. */
  readonly id: number;
  readonly ts: number;
  readonly x: number | null;
  readonly flag: boolean | null;
  readonly label: string | null;
  /** Declared; null where the row is known at its commit. */
  readonly known: number | null;
  readonly commit: number;
  readonly commitKnown: number;
  readonly seq: number;
}

interface KnownRow extends OracleRow {
  readonly knownTs: number;
  readonly supersededTs: number;
}

export type OracleResult = Record<string, number | string | null>;

const VALUES: Readonly<Record<string, (row: OracleRow) => number | string | boolean | null>> = {
  x: (row) => row.x,
  'x > 2': (row) => (row.x === null ? null : row.x > 2),
  flag: (row) => row.flag,
  label: (row) => row.label,
};

/** Expressions that the oracle can compute. */
export const ORACLE_EXPRESSIONS = Object.keys(VALUES);

export function windowOracle(
  view: WindowedView,
  rows: readonly OracleRow[],
  range: { readonly fromCut: number; readonly toCut: number; readonly latest?: boolean },
): OracleResult[] {
  const known = knowledge(rows);
  const keyed = Object.keys(view.keys).length > 0;
  const keys = keyed ? [...new Set(known.map(({ key }) => key))].sort() : [''];
  const every = durationMicros(view.cuts.every);
  const results: OracleResult[] = [];
  for (let cut = range.fromCut; cut <= range.toCut; cut += every) {
    for (const key of keys) {
      const mine = known.filter((row) => !keyed || row.key === key);
      const seen = (at: number): KnownRow[] =>
        mine.filter((row) => (range.latest === true ? row.supersededTs === Infinity : isKnown(row, at)));
      const within = (at: number, length: number): KnownRow[] =>
        seen(at).filter(({ ts }) => ts >= at - durationMicros(view.lag) - length && ts < at - durationMicros(view.lag));
      const longest = longestWindowMicros(view);
      if (within(cut, longest).length === 0 && within(cut - every, longest).length === 0) continue;
      const features = view.features.map(
        (feature) => [feature.name, aggregate(feature, within(cut, durationMicros(feature.window)))] as const,
      );
      results.push({
        ...(keyed && { key }),
        event_ts: cut,
        known_ts: cut + durationMicros(view.servingDelay),
        ...Object.fromEntries(features),
      });
    }
  }
  return results;
}

function isKnown({ knownTs, supersededTs }: KnownRow, at: number): boolean {
  return knownTs <= at && supersededTs > at;
}

/** A restatement is known at its commit at the earliest; it hides the row before it from then on. */
function knowledge(rows: readonly OracleRow[]): KnownRow[] {
  const versions = groupBy(rows, ({ id, ts }) => `${id}/${ts}`);
  return [...versions.values()].flatMap((version) => {
    const first = Math.min(...version.map(({ commit }) => commit));
    const ordered = version
      .map((row) => {
        const declared = row.known ?? row.commitKnown;
        return { ...row, knownTs: row.commit > first ? Math.max(declared, row.commitKnown) : declared };
      })
      .sort((left, right) => left.knownTs - right.knownTs || left.commit - right.commit || left.seq - right.seq);
    return ordered.map((row, index) => ({ ...row, supersededTs: ordered[index + 1]?.knownTs ?? Infinity }));
  });
}

export function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

function aggregate({ aggregate: kind, expression }: WindowedFeature, rows: readonly KnownRow[]): number | null {
  if (expression === undefined) return rows.length;
  const valueOf = VALUES[expression];
  if (valueOf === undefined) throw new Error(`the oracle does not know ${expression}`);
  const values = rows.map(valueOf).filter((value) => value !== null);
  const numbers = values.map(Number);
  const sum = numbers.reduce((total, value) => total + value, 0);
  const [count, trues] = [numbers.length, values.filter((value) => value === true).length];
  switch (kind) {
    case 'count':
      return trues;
    case 'distinct':
      return new Set(values).size;
    case 'rate':
      return count === 0 ? null : Math.fround(trues / count);
    case 'sum':
      return count === 0 ? null : Math.fround(sum);
    case 'avg':
      return count === 0 ? null : Math.fround(sum / count);
    case 'min':
      return count === 0 ? null : Math.fround(Math.min(...numbers));
    case 'max':
      return count === 0 ? null : Math.fround(Math.max(...numbers));
    case 'stddev': {
      const squares = numbers.reduce((total, value) => total + value * value, 0);
      return count === 0 ? null : Math.fround(Math.sqrt(Math.max(0, squares / count - (sum / count) * (sum / count))));
    }
    case 'last': {
      const newest = rows
        .filter((row) => valueOf(row) !== null)
        .sort(byRank)
        .at(-1);
      return newest === undefined ? null : Math.fround(Number(valueOf(newest)));
    }
  }
}

function byRank(left: KnownRow, right: KnownRow): number {
  return left.ts - right.ts || left.knownTs - right.knownTs || left.commit - right.commit || left.seq - right.seq;
}
