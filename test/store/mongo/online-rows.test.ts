import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FeatureStore, OnlineRow } from '../../../store/contracts/features.js';
import { type Database, openDatabase } from '../../../store/mongo/database.js';
import { createFeatureStore } from '../../../store/mongo/features.js';
import { openTestDatabase, type TestDatabase } from '../../support/mongo.js';

let test: TestDatabase;
let database: Database;
let store: FeatureStore;
let views = 0;

beforeAll(async () => {
  test = await openTestDatabase();
  database = await openDatabase({ uri: test.uri, database: test.name });
  store = createFeatureStore(database);
});

afterAll(async () => {
  await database.close();
  await test.drop();
});

interface Write {
  readonly row: OnlineRow;
  readonly generation: number;
}

/** One rank, one row: what two writers know under the same rank is the same. */
const anyRow = fc
  .record({
    key: fc.constantFrom('["a"]', '["b"]', '["c"]'),
    eventTs: fc.constantFrom(-5, 0, 1, 1_700_000_000_000_001, 1_700_000_000_000_000),
    knownTs: fc.integer({ min: 0, max: 3 }),
    part: fc.integer({ min: 0, max: 4 }),
    generation: fc.constantFrom(0, 2 ** 32 + 1, 2 ** 33),
  })
  .map(({ generation, part, ...times }): Write => {
    const deleted = part === 2;
    const values = deleted ? {} : { x: Math.fround(part / 10) };
    return { row: { ...times, seq: 2 ** 52 + part, deleted, values }, generation };
  });

function laterOf(left: Write, right: Write): Write {
  const rank = ({ row, generation }: Write): number[] => [generation, row.eventTs, row.knownTs, row.seq];
  const [ours, theirs] = [rank(left), rank(right)];
  const place = ours.findIndex((part, index) => part !== theirs[index]);
  return place >= 0 && (theirs[place] ?? 0) > (ours[place] ?? 0) ? right : left;
}

function winners(writes: readonly Write[]): Map<string, OnlineRow> {
  const best = new Map<string, Write>();
  for (const write of writes) {
    const standing = best.get(write.row.key);
    best.set(write.row.key, standing === undefined ? write : laterOf(standing, write));
  }
  return new Map(
    [...best].map(([key, { row, generation }]) => {
      const viewRevision = Math.floor(generation / 2 ** 32);
      return [key, viewRevision === 0 ? row : { ...row, viewRevision }];
    }),
  );
}

describe('online rows', () => {
  it('end as the greatest rank of each entity, whatever the order, batches, repetitions and writers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyRow, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 5 }),
        async (writes, batchSize, writers) => {
          const view = `view-${(views += 1)}`;
          const batches: Write[][] = [];
          for (let from = 0; from < writes.length; from += batchSize)
            batches.push(writes.slice(from, from + batchSize));
          // Some batches come twice, and the newest come first in every second one.
          const queue = [...batches, ...batches.slice(0, 2)].map((batch, index) =>
            index % 2 === 0 ? batch : batch.toReversed(),
          );
          const waiting = queue.values();
          const lane = async (): Promise<void> => {
            for (const batch of waiting)
              for (const generation of new Set(batch.map((write) => write.generation))) {
                const rows = batch.filter((write) => write.generation === generation).map(({ row }) => row);
                await store.upsertOnline(view, rows, generation);
              }
          };
          await Promise.all(Array.from({ length: writers }, lane));
          const read = await store.readOnline(view, ['["a"]', '["b"]', '["c"]', '["d"]']);
          expect(read).toEqual(winners(writes));
        },
      ),
      { numRuns: 60, seed: 11 },
    );
  });

  it('keep 32-bit floats, large integers, texts with dollars and microseconds as they are', async () => {
    const row: OnlineRow = {
      key: '["a",7]',
      values: { f: Math.fround(0.1), i: 2 ** 53 - 1, z: -0, s: '$values', b: false, n: null },
      eventTs: 1_704_103_200_000_001,
      knownTs: 1_704_103_200_000_002,
      seq: 2 ** 53 - 1,
      deleted: false,
    };
    await store.upsertOnline('types', [row]);
    expect((await store.readOnline('types', [row.key])).get(row.key)).toEqual(row);
    const raw = await database.collection('online_types').findOne({ _id: row.key }, { promoteLongs: false });
    expect(raw?.['eventTs'].constructor.name).toBe('Long');
  });

  it('of an earlier generation go offline when they are retired, and no others', async () => {
    const row = (key: string): OnlineRow => ({ key, values: { x: 1 }, eventTs: 1, knownTs: 1, seq: 1, deleted: false });
    await store.upsertOnline('retired', [row('old'), row('both')], 1);
    await store.upsertOnline('retired', [row('both'), row('new')], 2);
    await store.retireOnline('retired', 2);
    expect([...(await store.readOnline('retired', ['old', 'both', 'new'])).keys()].sort()).toEqual(['both', 'new']);
  });
});
