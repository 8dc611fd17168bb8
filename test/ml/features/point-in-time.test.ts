import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pointInTimeJoin } from '../../../ml/features/point-in-time.js';
import type { TableEngine, TableSession } from '../../../store/contracts/tables.js';
import { openTableEngine } from '../../../store/tables/engine.js';

interface FeatureRow {
  readonly key: string;
  readonly event: number;
  readonly known: number;
  readonly value: number | null;
}
interface SpineRow {
  readonly key: string;
  readonly ts: number;
}

/** The rule itself: newest (event, known, seq) that existed, was known, and was not too old. */
function oracle(spine: SpineRow, rows: readonly FeatureRow[], maxAge: number | null): number | null {
  const candidates = rows
    .map((row, seq) => ({ ...row, seq }))
    .filter(({ key, event, known }) => key === spine.key && event <= spine.ts && known <= spine.ts)
    .sort((left, right) => right.event - left.event || right.known - left.known || right.seq - left.seq);
  const [winner] = candidates;
  if (winner === undefined || (maxAge !== null && winner.event < spine.ts - maxAge)) return null;
  return winner.value;
}

describe('pointInTimeJoin', () => {
  let folder: string;
  let tables: TableEngine;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
    tables = await openTableEngine({ dataDirectories: [folder], spillDirectory: folder });
  });

  afterAll(async () => {
    await tables.close();
    await rm(folder, { recursive: true, force: true });
  });

  const values = (rows: readonly string[]): string => rows.map((row) => `(${row})`).join(', ');

  async function join_(
    session: TableSession,
    world: { spine: readonly SpineRow[]; rows: readonly FeatureRow[]; maxAge: number | null },
  ): Promise<(number | null)[]> {
    const { spine, rows, maxAge } = world;
    // One chunk a row, so that the order of commits is the sequence.
    const chunks = await Promise.all(
      rows.map(async ({ key, event, known, value }, seq) => {
        const path = `${folder}/chunk-${seq}.parquet`;
        await session.execute(
          `copy (select * from (values ('${key}', ${event}::bigint, ${known}::bigint, ${value}::real)) t(airport, event_ts, known_ts, rate)) to '${path}' (format parquet)`,
        );
        return { path, seq };
      }),
    );
    await session.execute(
      `create or replace temp table spine as select * from (values ${values(spine.map(({ key, ts }, row) => `'${key}', ${ts}::bigint, ${row}`))}) t(origin, ts, row_seq)`,
    );
    const view = {
      alias: 'view_0',
      chunks,
      keys: [{ key: 'airport', column: 'origin' }],
      features: [{ feature: 'rate', output: 'late_rate' }],
      maxAgeMicros: maxAge,
    };
    const joined = await session.rows(
      `select late_rate from (${pointInTimeJoin({ relation: 'spine', timeColumn: 'ts' }, [view])}) order by row_seq`,
    );
    return joined.map((row) => (row['late_rate'] == null ? null : Number(row['late_rate'])));
  }

  const key = fc.constantFrom('ATL', 'ORD');
  const time = fc.integer({ min: 0, max: 8 });
  const featureRow = fc.record({
    key,
    event: time,
    known: time,
    value: fc.option(fc.integer({ min: -9, max: 9 }), { nil: null }),
  });

  it('agrees with the plain rule on ties, late rows, restatements and age limits', async () => {
    await tables.use((session) =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.record({ key, ts: time }), { minLength: 1, maxLength: 8 }),
          fc.array(featureRow, { minLength: 1, maxLength: 6 }),
          fc.option(fc.integer({ min: 0, max: 4 }), { nil: null }),
          async (spine, rows, maxAge) => {
            const expected = spine.map((row) => oracle(row, rows, maxAge));
            expect(await join_(session, { spine, rows, maxAge })).toEqual(expected);
          },
        ),
        { numRuns: 150 },
      ),
    );
  }, 120_000);

  it('does not let a late row of an old event hide a newer one', async () => {
    const rows = [
      { key: 'ATL', event: 5, known: 5, value: 50 },
      { key: 'ATL', event: 1, known: 7, value: 10 },
    ];
    expect(
      await tables.use((session) => join_(session, { spine: [{ key: 'ATL', ts: 8 }], rows, maxAge: null })),
    ).toEqual([50]);
  });
});

describe('the table engine', () => {
  it('reads nothing outside its folders and keeps its settings', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
    const tables = await openTableEngine({ dataDirectories: [folder], spillDirectory: folder });
    try {
      const refused = (sql: string): Promise<unknown> =>
        tables
          .use((session) => session.rows(sql))
          .then(
            () => 'allowed',
            (error: unknown) => (error as { code: string }).code,
          );
      expect(await refused(`select * from read_csv('/etc/passwd')`)).toBe('PRN_TABLE_QUERY_FAILED');
      expect(await refused(`select * from read_text('${folder}/../../etc/hostname')`)).toBe('PRN_TABLE_QUERY_FAILED');
      expect(await refused('install httpfs')).toBe('PRN_TABLE_QUERY_FAILED');
      expect(await refused('set enable_external_access = true')).toBe('PRN_TABLE_QUERY_FAILED');
      expect(await refused('select 1 as one')).toBe('allowed');
    } finally {
      await tables.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
