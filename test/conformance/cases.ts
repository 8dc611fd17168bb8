/**
 * The cases of the rule by their ids, as rows, questions and what must come out. C cases restate what other feature
 * stores promise or got wrong; X cases are ours. The README of this folder says where each id is tested.
 */
import type { EntityKey } from '../../domain/feature-view.js';
import { MICROS_PER_DAY as DAY, MICROS_PER_HOUR as HOUR, parseIso } from '../../domain/time.js';
import type { Feature, Instance } from './instance.js';
import type { FeatureRow, KeyPart, Rule, Value, Verdict } from './oracle.js';

export interface ConformanceCase extends Instance {
  readonly id: string;
  readonly features: readonly Feature[];
  /** One verdict for each question. */
  readonly expected: readonly Verdict[];
}

const T = parseIso('2026-03-01T10:00:00Z');
const FOREVER: Rule = { maxAgeMicros: null, knowledge: 'as-known' };
const LATEST: Rule = { ...FOREVER, knowledge: 'latest' };
const DRIVER: readonly EntityKey[] = [{ name: 'driver', type: 'integer' }];
const NUMBER: readonly Feature[] = [{ name: 'value', type: 'double' }];

type Part = KeyPart | readonly KeyPart[];
/** Key, event, known, value; `DELETED` for a tombstone. */
type Row = readonly [Part, number | null, number | null, Value | typeof DELETED];
type Asked = readonly [Part, number | null, Value];

const DELETED = Symbol('deleted');
const STATUSES: readonly unknown[] = ['NULL_VALUE', 'NOT_FOUND', 'OUTSIDE_MAX_AGE'];

interface Sketch {
  readonly keys?: readonly EntityKey[];
  readonly rule?: Rule;
  readonly type?: Feature['type'];
  readonly rows: readonly Row[];
  /** Key, time, and the value or the status of its absence. */
  readonly asked: readonly Asked[];
}

function partsOf(part: Part): readonly KeyPart[] {
  return typeof part === 'object' && part !== null ? part : [part];
}

function rowOf([key, eventTs, knownTs, value]: Row, seq: number): FeatureRow {
  const deleted = value === DELETED;
  return { key: partsOf(key), eventTs, knownTs, seq, deleted, values: { value: deleted ? null : value } };
}

function verdictOf([, , wanted]: Asked): Verdict {
  const status = STATUSES.includes(wanted) ? (wanted as Verdict['status']) : 'PRESENT';
  return { status, value: status === 'PRESENT' ? wanted : null };
}

function define(id: string, name: string, sketch: Sketch): ConformanceCase {
  const { keys = DRIVER, rule = FOREVER, type, rows, asked } = sketch;
  return {
    id,
    name: `${id}: ${name}`,
    keys,
    rule,
    features: type === undefined ? NUMBER : [{ name: 'value', type }],
    rows: rows.map(rowOf),
    questions: asked.map(([key, time]) => ({ key: partsOf(key), time })),
    expected: asked.map(verdictOf),
  };
}

const KNOWN_LATE: readonly Row[] = [
  [1001, T, T, 10],
  [1001, T, T + 2 * DAY, 20],
  [1002, T, T, 30],
  [1002, T, T + 2 * DAY, 40],
];
const JANUARY = parseIso('2026-01-01T00:00:00Z');
const BRUTE_FORCE: readonly Row[] = [
  [1, JANUARY - DAY, JANUARY - DAY, 11],
  [1, JANUARY + DAY, JANUARY + DAY, 22],
  [1, JANUARY + 2 * DAY, JANUARY + 2 * DAY, 33],
  [2, JANUARY - 365 * DAY, JANUARY - 365 * DAY, 22],
  [3, JANUARY, JANUARY + 2 * DAY, 10],
  [3, JANUARY, JANUARY + DAY, 20],
];
const SETTING_KEYS: readonly EntityKey[] = [
  { name: 'user', type: 'string' },
  { name: 'device', type: 'string' },
];

const BACKFILLS: readonly ConformanceCase[] = [
  define('C1', 'of one event the later knowledge counts, and a later event beats later knowledge', {
    rows: [
      [1001, T, T, 10],
      [1001, T, T + DAY, 20],
      [1002, T, T + DAY, 30],
      [1002, T + DAY, T, 40],
    ],
    asked: [
      [1001, T + 2 * DAY, 20],
      [1002, T + 2 * DAY, 40],
    ],
  }),
  define('C3', 'without an age limit nothing is too old', {
    rows: [[1, T - 3_650 * DAY, T - 3_650 * DAY, 7]],
    asked: [[1, T, 7]],
  }),
  define('C11', 'what was known too late does not count', {
    rows: KNOWN_LATE,
    asked: [
      [1001, T + DAY, 10],
      [1002, T + DAY, 30],
    ],
  }),
  define('C11', 'under latest knowledge it does', {
    rule: LATEST,
    rows: KNOWN_LATE,
    asked: [
      [1001, T + DAY, 20],
      [1002, T + DAY, 40],
    ],
  }),
  define('C12', 'a row whose knowledge nobody knows never counts', {
    rows: [
      [1, T + 10 * HOUR, T + 12 * HOUR, 0.4],
      [1, T + 10 * HOUR, null, 0.6],
    ],
    asked: [[1, T + DAY, 0.4]],
  }),
  define('C13', 'the question stays, without a value, where everything was known too late', {
    rows: [
      [1, T, T + 2 * DAY, 0.4],
      [1, T, T + 3 * DAY, 0.6],
    ],
    asked: [[1, T + DAY, 'NOT_FOUND']],
  }),
  define('C14', 'no key borrows from another', {
    rows: [
      [1, T, T, 0.4],
      [2, T, T + 2 * DAY, 0.6],
    ],
    asked: [
      [1, T + DAY, 0.4],
      [2, T + DAY, 'NOT_FOUND'],
    ],
  }),
  define('C16', 'by brute force: equality counts, an expired row does not', {
    rule: { maxAgeMicros: 10 * DAY, knowledge: 'latest' },
    rows: BRUTE_FORCE,
    asked: [
      [1, JANUARY, 11],
      [1, JANUARY + DAY, 22],
      [2, JANUARY, 'OUTSIDE_MAX_AGE'],
      [3, JANUARY + 2 * DAY, 10],
    ],
  }),
];

const TIMES: readonly ConformanceCase[] = [
  define('C17', 'each question has its own moment', {
    rows: [
      [1, T - 2 * HOUR, T - 2 * HOUR, 0.5],
      [1, T - HOUR, T - HOUR, 0.6],
      [1, T, T, 0.7],
      [2, T - 2 * HOUR, T - 2 * HOUR, 0.3],
    ],
    asked: [
      [1, T - 1.5 * HOUR, 0.5],
      [1, T - 0.5 * HOUR, 0.6],
      [2, T - HOUR, 0.3],
    ],
  }),
  define('C18', 'the same question twice gets two rows with the later knowledge', {
    rows: [
      [1, T, T, 1],
      [1, T, T + HOUR, 2],
    ],
    asked: [
      [1, T + DAY, 2],
      [1, T + DAY, 2],
    ],
  }),
  define('C19', 'a row that is too old leaves the question without a value', {
    rule: { ...FOREVER, maxAgeMicros: DAY },
    rows: [
      [1, T - HOUR, T - HOUR, 5],
      [2, T - 2 * DAY, T - 2 * DAY, 6],
    ],
    asked: [
      [1, T, 5],
      [2, T, 'OUTSIDE_MAX_AGE'],
    ],
  }),
  define('C20', 'a view by user', {
    keys: [{ name: 'user', type: 'string' }],
    type: 'string',
    rows: [
      ['u', T - 2 * HOUR, T - 2 * HOUR, 'dark'],
      ['u', T - 0.5 * HOUR, T - 0.5 * HOUR, 'light'],
    ],
    asked: [
      ['u', T - HOUR, 'dark'],
      ['u', T, 'light'],
    ],
  }),
  define('C20', 'beside a view by user and device', {
    keys: SETTING_KEYS,
    rows: [
      [['u', 'X'], T - 2 * HOUR, T - 2 * HOUR, 0.8],
      [['u', 'Y'], T - 2 * HOUR, T - 2 * HOUR, 0.6],
    ],
    asked: [
      [['u', 'X'], T - HOUR, 0.8],
      [['u', 'Y'], T, 0.6],
    ],
  }),
  define('C21', 'the last question does not decide for the others', {
    rows: [
      [1, T - 2 * HOUR, T - 2 * HOUR, 0.5],
      [1, T - 0.5 * HOUR, T - 0.5 * HOUR, 0.9],
      [2, T - HOUR, T - HOUR, 0.7],
    ],
    asked: [
      [1, T - HOUR, 0.5],
      [2, T, 0.7],
    ],
  }),
  define('C22', 'what has not happened has no value', {
    rows: [[1, T + 2 * HOUR, T - HOUR, 9]],
    asked: [[1, T, 'NOT_FOUND']],
  }),
  define('C22', 'not under latest knowledge either', {
    rule: LATEST,
    rows: [[1, T + 2 * HOUR, T + 2 * HOUR, 9]],
    asked: [[1, T, 'NOT_FOUND']],
  }),
  define('C26', 'the same values offline and online as time goes on', {
    rows: [
      [1, T - 4 * HOUR, T - 4 * HOUR, 0.1],
      [1, T - 3 * HOUR, T - 3 * HOUR, 0.3],
      [2, T, T, null],
      // Written as 07:00+01:00 (Berlin) and 01:00-08:00 (US Pacific).
      [3, parseIso('2026-03-01T07:00:00+01:00'), T - 4 * HOUR, 4],
      [3, parseIso('2026-03-01T01:00:00-08:00'), T - HOUR, 5],
    ],
    asked: [
      [1, T - HOUR - 1_000_000, 0.3],
      [2, T - HOUR - 1_000_000, 'NOT_FOUND'],
      [3, T - HOUR - 1_000_000, 4],
      [1, T, 0.3],
      [2, T, 'NULL_VALUE'],
      [3, T, 5],
    ],
  }),
  define('C27', 'an older row that is written later never wins', {
    rows: [
      [1, T, T, 2],
      [1, T - HOUR, T + HOUR, 1],
      [2, T - HOUR, T + HOUR, 1],
      [1, T + 2 * HOUR, T + 2 * HOUR, 3],
    ],
    asked: [
      [1, T + HOUR, 2],
      [2, T + HOUR, 1],
      [1, T + 3 * HOUR, 3],
    ],
  }),
];

const EDGES: readonly ConformanceCase[] = [
  define('X1', 'both ends of the window are inside, one microsecond beyond is not', {
    rule: { ...FOREVER, maxAgeMicros: HOUR },
    rows: [[1, T, T, 1]],
    asked: [
      [1, T - 1, 'NOT_FOUND'],
      [1, T, 1],
      [1, T + HOUR, 1],
      [1, T + HOUR + 1, 'OUTSIDE_MAX_AGE'],
    ],
  }),
  define('X2', 'of rows alike in all but their number the last counts, once', {
    rows: [
      [1, T, T, 1],
      [1, T, T, 1],
      [1, T, T, 2],
    ],
    asked: [[1, T, 2]],
  }),
  define('X3', 'a question without key or time stays, without a value', {
    keys: SETTING_KEYS,
    rows: [
      [['u', 'X'], T, T, 1],
      [['u', null], T, T, 2],
      [['u', 'Y'], null, T, 3],
    ],
    asked: [
      [['u', null], T, 'NOT_FOUND'],
      [['u', 'X'], null, 'NOT_FOUND'],
      [['u', 'Y'], T, 'NOT_FOUND'],
      [['u', 'X'], T, 1],
    ],
  }),
  define('X4', 'keys that are one text when joined stay two keys', {
    keys: SETTING_KEYS,
    rows: [
      [['1', '12'], T, T, 1],
      [['11', '2'], T, T, 2],
    ],
    asked: [
      [['1', '12'], T, 1],
      [['11', '2'], T, 2],
    ],
  }),
  define('X6', 'half a millisecond later is later', {
    rows: [
      [1, T + 500, T + 500, 2],
      [1, T - HOUR, T - HOUR, 1],
    ],
    asked: [
      [1, T, 1],
      [1, T + 499, 1],
      [1, T + 500, 2],
    ],
  }),
  define('X8', 'a tombstone hides what was before it, until it is known, and not what comes after', {
    rows: [
      [1, T - DAY, T - DAY, 1],
      [1, T, T + HOUR, DELETED],
      [1, T + DAY, T + DAY, 2],
    ],
    asked: [
      [1, T + HOUR - 1, 1],
      [1, T + HOUR, 'NOT_FOUND'],
      [1, T + DAY, 2],
    ],
  }),
  define('X9', 'a null in the newest row is a null, and no row is no row', {
    rows: [
      [1, T - HOUR, T - HOUR, 1],
      [1, T, T, null],
    ],
    asked: [
      [1, T, 'NULL_VALUE'],
      [2, T, 'NOT_FOUND'],
    ],
  }),
  define('X13', 'a late row of an old event does not hide a newer one', {
    rows: [
      [1, T + 5, T + 5, 50],
      [1, T + 1, T + 7, 10],
    ],
    asked: [
      [1, T + 6, 50],
      [1, T + 8, 50],
    ],
  }),
];

export const CASES: readonly ConformanceCase[] = [...BACKFILLS, ...TIMES, ...EDGES];
