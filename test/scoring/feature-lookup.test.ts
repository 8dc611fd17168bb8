import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pointInTimeJoin } from '../../ml/features/point-in-time.js';
import { keyValue, valueAt } from '../../scoring/feature-lookup.js';
import type { OnlineRow } from '../../store/contracts/features.js';
import type { TableEngine } from '../../store/contracts/tables.js';
import { openTableEngine } from '../../store/tables/engine.js';

const KEYS = 40;
const MAX_AGE = 100;
const FIRST = 1_000;

let folder: string;
let tables: TableEngine;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-parity-'));
  tables = await openTableEngine({ dataDirectories: [folder], spillDirectory: join(folder, 'spill') });
});

afterAll(async () => {
  await tables.close();
  await rm(folder, { recursive: true, force: true });
});

/** One row per entity, as the online store keeps it; every seventh value is null. */
function onlineRow(key: number): OnlineRow {
  const eventTs = FIRST + ((key * 37) % 300);
  return {
    key: `${key}`,
    values: { rate: key % 7 === 0 ? null : key / 8 },
    eventTs,
    knownTs: eventTs,
    seq: 1,
    deleted: false,
  };
}

function rowAt(eventTs: number, rate: number | null = 0.5): OnlineRow {
  return { key: '["ORD"]', values: { late_rate: rate }, eventTs, knownTs: eventTs, seq: 1, deleted: false };
}

describe('valueAt', () => {
  it('includes both ends of the age limit and nothing beyond', () => {
    const statusAt = (eventTs: number): string =>
      valueAt(rowAt(1_000), { feature: 'late_rate', eventTs, maxAgeMicros: 100 }).status;
    // A row of 1000 that lives 100 µs is there from 1000 to 1100, both included.
    expect([999, 1_000, 1_100, 1_101].map(statusAt)).toEqual(['NOT_FOUND', 'PRESENT', 'PRESENT', 'OUTSIDE_MAX_AGE']);
  });

  it('tells a stored null, a missing feature and a missing entity apart', () => {
    const ask = { feature: 'late_rate', eventTs: 1_000, maxAgeMicros: null };
    expect([
      valueAt({ ...rowAt(1), deleted: true }, ask).status,
      valueAt(rowAt(1, null), ask).status,
      valueAt(rowAt(1), { ...ask, feature: 'volume' }).status,
      valueAt(null, ask).status,
      valueAt(rowAt(1), ask),
    ]).toEqual(['NOT_FOUND', 'NULL_VALUE', 'NULL_VALUE', 'NOT_FOUND', { status: 'PRESENT', value: 0.5 }]);
  });
});

describe('keyValue', () => {
  it('brings keys into the type of their entity', () => {
    expect([keyValue('string', 5), keyValue('integer', '5'), keyValue('integer', 5), keyValue('string', '5')]).toEqual([
      '5',
      5,
      5,
      '5',
    ]);
    expect([keyValue('integer', 'ORD'), keyValue('integer', '1.5'), keyValue('integer', 1.5)]).toEqual([
      null,
      null,
      null,
    ]);
    expect([keyValue('string', 5.5), keyValue('string', 2 ** 53), keyValue('string', 2 ** 53 - 1)]).toEqual([
      null,
      null,
      '9007199254740991',
    ]);
  });
});

describe('an online read at the event time', () => {
  it('gives what the offline join gives, for every age around the limits', async () => {
    const chunk = join(folder, 'chunk.parquet');
    const rows = Array.from({ length: KEYS }, (_unused, key) => onlineRow(key));
    const values = rows.map(
      ({ key, eventTs, values: { rate } }) =>
        `(${key}, ${eventTs}, ${eventTs}, 1, false, ${rate === null ? 'null' : `${rate}::real`})`,
    );
    const spine = `(select row_number() over () as row_number, key, ts from range(${KEYS + 2}) k(key), range(${FIRST - 20}, ${FIRST + 480}, 3) t(ts))`;
    const join_ = pointInTimeJoin(
      { relation: spine, timeColumn: 'ts' },
      {
        chunks: [{ path: chunk }],
        keys: [{ key: 'key', type: 'integer', column: 'key' }],
        features: [{ feature: 'rate', type: 'float', output: 'rate' }],
        maxAgeMicros: MAX_AGE,
      },
    );
    const offline = await tables.use(async (session) => {
      await session.execute(
        `copy (select * from (values ${values.join(', ')}) v(key, event_ts, known_ts, seq, deleted, rate)) to '${chunk}' (format parquet)`,
      );
      return session.rows(join_);
    });
    const different = offline.filter(({ key, ts, rate }) => {
      const row = Number(key) < KEYS ? onlineRow(Number(key)) : null;
      const online = valueAt(row, { feature: 'rate', eventTs: Number(ts), maxAgeMicros: MAX_AGE });
      return !Object.is(online.value, rate);
    });
    // 42 entities (two unknown) at 167 times each.
    expect(offline.length).toBe(7_014);
    expect(different).toEqual([]);
  });
});
