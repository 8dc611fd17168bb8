/** Small worlds to ask questions about: feature rows of one view, questions, and the rule. Given or drawn by a seed. */
import type { EntityKey, FeatureType } from '../../domain/feature-view.js';
import { createUniform } from '../../ml/random.js';
import type { FeatureRow, KeyPart, Question, Rule, Value } from './oracle.js';

export interface Feature {
  readonly name: string;
  readonly type: FeatureType;
}

export interface Instance {
  readonly name: string;
  readonly keys: readonly EntityKey[];
  readonly rows: readonly FeatureRow[];
  readonly questions: readonly Question[];
  readonly rule: Rule;
}

/** Features of drawn instances: one of each type. */
export const FEATURES: readonly Feature[] = [
  { name: 'rate', type: 'float' },
  { name: 'mean', type: 'double' },
  { name: 'trips', type: 'integer' },
  { name: 'carrier', type: 'string' },
  { name: 'open', type: 'boolean' },
  { name: 'opened_ts', type: 'timestamp' },
];

export type Draw = (below: number) => number;

/** Whole numbers below a bound, the same ones for the same seed. */
export function drawFrom(seed: number): Draw {
  const uniform = createUniform(seed);
  return (below) => Math.floor(uniform() * below);
}

const KEYS: readonly (readonly EntityKey[])[] = [
  [{ name: 'airport', type: 'string' }],
  [{ name: 'order', type: 'integer' }],
  [
    { name: 'user', type: 'string' },
    { name: 'device', type: 'integer' },
  ],
  [
    { name: 'left', type: 'string' },
    { name: 'right', type: 'string' },
  ],
];
const TEXT_KEYS = ['1', '12', '11', '2', 'ü'];
const AGES: readonly (number | null)[] = [null, null, 0, 2, 5];
const TEXTS: readonly Value[] = ['', 'AA', "O'Hare", 'naïve', null];

/** Few keys, few times and few rows: ties, restatements, late rows, tombstones and nulls are then frequent. */
export function drawInstance(seed: number): Instance {
  const draw = drawFrom(seed);
  const keys = KEYS[draw(KEYS.length)] ?? [];
  const key = (): KeyPart[] => keys.map(({ type }) => drawPart(draw, type));
  const rows = Array.from({ length: draw(10) }, (_row, seq) => drawRow(draw, { key: key(), seq }));
  const asked = (): readonly KeyPart[] =>
    draw(4) === 0 ? key() : (rows[draw(Math.max(1, rows.length))]?.key ?? key());
  const questions = Array.from({ length: 1 + draw(3) }, () => ({ key: asked(), time: drawTime(draw, 30) }));
  const maxAgeMicros = AGES[draw(AGES.length)] ?? null;
  const knowledge = draw(4) === 0 ? 'latest' : 'as-known';
  return { name: `seed ${seed}`, keys, rows, questions, rule: { maxAgeMicros, knowledge } };
}

/** Drawn without keys: everybody's values. Instances of these cannot share a table. */
export function drawKeylessInstance(seed: number): Instance {
  const instance = drawInstance(seed);
  const bare = <T extends { key: readonly KeyPart[] }>(each: T): T => ({ ...each, key: [] });
  return { ...instance, keys: [], rows: instance.rows.map(bare), questions: instance.questions.map(bare) };
}

function drawPart(draw: Draw, type: EntityKey['type']): KeyPart {
  if (draw(20) === 0) return null;
  return type === 'integer' ? draw(3) : (TEXT_KEYS[draw(TEXT_KEYS.length)] ?? '');
}

function drawTime(draw: Draw, nullOf: number): number | null {
  return draw(nullOf) === 0 ? null : draw(9);
}

function drawRow(draw: Draw, { key, seq }: { key: KeyPart[]; seq: number }): FeatureRow {
  const deleted = draw(8) === 0;
  const number = (): number | null => (draw(4) === 0 ? null : (draw(17) - 8) / 8);
  const whole = (): number | null => (draw(4) === 0 ? null : draw(1_000) - 500);
  const values = {
    rate: number(),
    mean: number(),
    trips: whole(),
    carrier: TEXTS[draw(TEXTS.length)] ?? null,
    open: draw(3) === 0 ? null : draw(2) === 0,
    opened_ts: whole(),
  };
  return { key, seq, eventTs: drawTime(draw, 40), knownTs: drawTime(draw, 40), deleted, values };
}

/** The same members in another order. */
export function shuffled<T>(members: readonly T[], draw: Draw): T[] {
  const copy = [...members];
  for (let last = copy.length - 1; last > 0; last -= 1) {
    const other = draw(last + 1);
    const [left, right] = [copy[last], copy[other]];
    if (left !== undefined && right !== undefined) [copy[last], copy[other]] = [right, left];
  }
  return copy;
}
