/**
 * The point-in-time rule in plain words: a linear scan, nothing clever. Every path of the product is compared to it.
 * It shares no code with them.
 */
export type Value = number | string | boolean | null;
export type KeyPart = string | number | null;

/** A feature row as the history holds it. `seq` is unique among the rows of a view. */
export interface FeatureRow {
  readonly key: readonly KeyPart[];
  readonly eventTs: number | null;
  readonly knownTs: number | null;
  readonly seq: number;
  readonly deleted: boolean;
  readonly values: Readonly<Record<string, Value>>;
}

export interface Question {
  readonly key: readonly KeyPart[];
  /** Microseconds; null where nobody knows when. */
  readonly time: number | null;
}

export interface Rule {
  readonly maxAgeMicros: number | null;
  /** `latest` lets in what became known after the question. */
  readonly knowledge: 'as-known' | 'latest';
}

export interface Verdict {
  readonly status: 'PRESENT' | 'NULL_VALUE' | 'NOT_FOUND' | 'OUTSIDE_MAX_AGE';
  readonly value: Value;
}

export function answer(
  question: Question,
  { rows, rule, feature }: { rows: readonly FeatureRow[]; rule: Rule; feature: string },
): Verdict {
  let best: FeatureRow | null = null;
  for (const row of rows) if (isCandidate(row, question, rule) && (best === null || ranksAbove(row, best))) best = row;
  if (best === null || best.deleted) return { status: 'NOT_FOUND', value: null };
  // Every other candidate happened no later than the best, so that none of them is young enough either.
  if (rule.maxAgeMicros !== null && Number(best.eventTs) < Number(question.time) - rule.maxAgeMicros)
    return { status: 'OUTSIDE_MAX_AGE', value: null };
  const value = best.values[feature] ?? null;
  return { status: value === null ? 'NULL_VALUE' : 'PRESENT', value };
}

function isCandidate(row: FeatureRow, { key, time }: Question, { knowledge }: Rule): boolean {
  if (time === null || row.eventTs === null || row.knownTs === null) return false;
  if (key.length !== row.key.length) return false;
  for (let part = 0; part < key.length; part += 1) if (key[part] === null || key[part] !== row.key[part]) return false;
  return row.eventTs <= time && (knowledge === 'latest' || row.knownTs <= time);
}

function ranksAbove(left: FeatureRow, right: FeatureRow): boolean {
  if (left.eventTs !== right.eventTs) return Number(left.eventTs) > Number(right.eventTs);
  if (left.knownTs !== right.knownTs) return Number(left.knownTs) > Number(right.knownTs);
  return left.seq > right.seq;
}
