import { Binary, Decimal128, Double, Long, ObjectId } from 'mongodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CollectionReader } from '../../../store/contracts/collections.js';
import { createCollectionReader } from '../../../store/mongo/collection-reader.js';
import { openTestDatabase, type TestDatabase } from '../../support/mongo.js';

describe('createCollectionReader', () => {
  let test: TestDatabase;
  let reader: CollectionReader;

  beforeEach(async () => {
    test = await openTestDatabase();
    const secretOf = (name: string): string | undefined => (name === 'ORDERS_URI' ? `${test.uri}` : undefined);
    reader = createCollectionReader({ uri: test.uri, database: 'perennial', secretOf });
  });

  afterEach(async () => {
    await test.drop();
  });

  const source = (changes: object = {}) => ({
    collection: 'orders',
    database: test.name,
    highWater: 'written',
    ...changes,
  });
  async function read(after: string | null = null, changes: object = {}) {
    const rows = [];
    for await (const row of reader.read(source(changes), after, new AbortController().signal)) rows.push(row);
    return rows;
  }

  it('gives each document as a line that loses nothing', async () => {
    await test.db.collection('orders').insertOne({
      _id: new ObjectId('65a000000000000000000001'),
      written: new Date('2001-03-01T06:00:00.123Z'),
      big: Long.fromString('9007199254740993'),
      whole: 7,
      share: new Double(0.1),
      odd: Number.NaN,
      price: Decimal128.fromString('1.10'),
      raw: new Binary(Buffer.from('hi')),
      tags: ['a', null, { at: new Date(0) }],
      none: null,
    });
    expect((await read()).map(({ json }) => json)).toEqual([
      '{"_id":"65a000000000000000000001","written":"2001-03-01T06:00:00.123000Z","big":9007199254740993,"whole":7,' +
        '"share":0.1,"odd":"NaN","price":"1.10","raw":"aGk=","tags":["a",null,{"at":"1970-01-01T00:00:00.000000Z"}],"none":null}',
    ]);
  });

  it.each([
    ['dates', (n: number) => new Date(n * 1_000)],
    ['ids', (n: number) => ObjectId.createFromTime(n)],
    ['64-bit integers', (n: number) => Long.fromNumber(n).add(Long.fromString('9007199254740992'))],
    ['texts', (n: number) => `w${n}`],
  ])('goes on behind the last value: %s', async (_kind, value) => {
    const orders = test.db.collection<{ _id: number; written?: unknown }>('orders');
    await orders.insertMany([3, 1, 2].map((n) => ({ _id: n, written: value(n) })));
    await orders.insertOne({ _id: 9 });
    const first = await read();
    expect(first.map(({ json }) => (JSON.parse(json) as { _id: number })._id)).toEqual([1, 2, 3]);
    const reached = first.at(-1)?.highWater ?? null;
    expect(await read(reached)).toEqual([]);
    await orders.insertMany([5, 4].map((n) => ({ _id: n, written: value(n) })));
    expect((await read(reached)).map(({ json }) => (JSON.parse(json) as { _id: number })._id)).toEqual([4, 5]);
  });

  it('refuses a field of several kinds, of which a comparison would leave some out for good', async () => {
    const orders = test.db.collection<{ _id: number; written: unknown }>('orders');
    await orders.insertMany([
      { _id: 1, written: 5 },
      { _id: 2, written: 'late' },
    ]);
    await expect(read()).rejects.toMatchObject({ code: 'PRN_DATASET_SOURCE_UNREADABLE' });
  });

  it("refuses Perennial's own database and MongoDB's internal ones", async () => {
    const forbidden = { code: 'PRN_DATASET_SOURCE_FORBIDDEN' };
    await expect(read(null, { database: 'perennial', collection: 'api_keys' })).rejects.toMatchObject(forbidden);
    await expect(read(null, { database: 'local' })).rejects.toMatchObject(forbidden);
    const uri = { fromEnv: 'ORDERS_URI' };
    await expect(read(null, { database: 'perennial', uri })).rejects.toMatchObject(forbidden);
  });

  it('reads a server named by a variable, and says which one is missing', async () => {
    await test.db.collection('orders').insertOne({ written: 1 });
    expect(await read(null, { uri: { fromEnv: 'ORDERS_URI' } })).toHaveLength(1);
    await expect(read(null, { uri: { fromEnv: 'NOWHERE' } })).rejects.toMatchObject({
      code: 'PRN_DATASET_SOURCE_UNAVAILABLE',
      details: { reason: "the worker's environment has no variable NOWHERE with its connection string" },
    });
  });
});
