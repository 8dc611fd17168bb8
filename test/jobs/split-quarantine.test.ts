import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { splitQuarantine, type SplitQuarantineInput } from '../../activities/jobs/split-quarantine.js';
import type { ArtifactRef } from '../../domain/artifact.js';
import { quarantineRows } from '../../store/tables/quarantine-rows.js';
import { writeQuarantineTable } from '../support/quarantine-table.js';
import { type JobBench, openJobBench } from './training-fixture.js';

describe('splitQuarantine', () => {
  let bench: JobBench;
  let table: ArtifactRef;

  beforeAll(async () => {
    bench = await openJobBench();
    table = await writeQuarantineTable(bench.context.artifacts, [
      { row: 9, raw: { ts: '1', note: 'a "quoted",\u0001 l\nne' }, failed: ['early'] },
      { row: 2, raw: { ts: '2', note: null }, failed: ['early', 'odd'] },
      { row: 17, raw: { ts: 3, note: 12345678901234567n.toString() }, failed: ['odd', 'punctual'] },
    ]);
  });
  afterAll(() => bench.close());

  const split = async (changes: Partial<SplitQuarantineInput>) => {
    const base = { table, columns: ['ts', 'note', 'added'], rows: null, failedOnly: null, refused: null };
    const { source, split: counts } = await splitQuarantine({ ...base, ...changes }, bench.context);
    const { artifacts, tables } = bench.context;
    const text = source === null ? '' : await readFile(await artifacts.localPath(source), 'utf8');
    const lines = text.split('\n').filter((line) => line !== '');
    const reader = quarantineRows(() => Promise.resolve(tables), artifacts);
    const left =
      counts.remainingTable === null ? [] : await reader.page(counts.remainingTable, { after: 0, limit: 10 });
    expect(left).toHaveLength(counts.remaining);
    return { lines: lines.map((line) => JSON.parse(line) as unknown), left: left.map(({ sourceRow }) => sourceRow) };
  };

  it('writes all rows in order of their source, with every column, as they came', async () => {
    expect(await split({})).toEqual({
      lines: [
        { ts: '2', note: null, added: null },
        { ts: '1', note: 'a "quoted",\u0001 l\nne', added: null },
        { ts: 3, note: '12345678901234567', added: null },
      ],
      left: [],
    });
  });

  it('takes the rows that were named, or that fail no other rules', async () => {
    expect((await split({ rows: [9, 17, 99] })).left).toEqual([2]);
    expect((await split({ failedOnly: ['early'] })).left).toEqual([2, 17]);
    expect((await split({ failedOnly: ['early', 'odd', 'punctual'], rows: [2] })).left).toEqual([9, 17]);
    expect(await split({ rows: [99] })).toEqual({ lines: [], left: [2, 9, 17] });
  });

  it('keeps rows that were refused again, by their line in the source', async () => {
    const refused = await writeQuarantineTable(bench.context.artifacts, [{ row: 2, raw: {}, failed: ['odd'] }]);
    expect((await split({ refused })).left).toEqual([9]);
    expect((await split({ refused, rows: [2, 17] })).left).toEqual([9, 17]);
  });

  it('gives the same bytes again', async () => {
    const base = { table, columns: ['ts'], rows: [2], failedOnly: null, refused: null };
    const [first, second] = [await splitQuarantine(base, bench.context), await splitQuarantine(base, bench.context)];
    expect(second).toEqual(first);
  });
});
