import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DatasetSpec } from '../../domain/dataset.js';
import { FeatureViewSpec } from '../../domain/feature-view.js';
import { datasetRelation, type SegmentFile } from '../../ml/features/dataset-sql.js';
import { rowFeatures } from '../../ml/features/feature-row-sql.js';
import { POSITION, rowsAsOf } from '../../ml/features/history-sql.js';
import { pointInTimeJoin, type ViewJoin } from '../../ml/features/point-in-time.js';
import type { TableEngine, TableSession } from '../../store/contracts/tables.js';
import { openTableEngine } from '../../store/tables/engine.js';
import { type Draw, drawFrom } from './instance.js';
import { type Generation, knownRows, type SourceRow, valueOf } from './replaced-oracle.js';

/** Worlds that share their commits; each has entities of its own. */
const WORLDS = 400;
/** Commits by version: when they were known. The second version got rows added. */
const COMMITS = [[3], [6, 7], [9], [12]];
const TIMES = Array.from({ length: 15 }, (_time, time) => time);
const PEOPLE = ['a', 'b'];

const DATASET = DatasetSpec.parse({
  columns: [
    { name: 'id', type: 'integer' },
    { name: 'ts', type: 'timestamp' },
    { name: 'who', type: 'string' },
    { name: 'value', type: 'integer', nullable: true },
    { name: 'known', type: 'timestamp', nullable: true },
  ],
  eventTime: 'ts',
  keys: ['id'],
  knowledge: { from: 'column', column: 'known' },
  mode: 'replace',
});
const VIEW = FeatureViewSpec.parse({
  dataset: 'd',
  entity: 'who',
  keys: { who: 'who' },
  features: [{ name: 'value', expression: 'value', type: 'integer' }],
  deletes: 'value < 0',
});

let folder: string;
let tables: TableEngine;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-replaced-'));
  tables = await openTableEngine({ dataDirectories: [folder], spillDirectory: join(folder, 'spill') });
});

afterAll(async () => {
  await tables.close();
  await rm(folder, { recursive: true, force: true });
});

/** Versions that mostly hold again what the one before held, changed here and there. */
function drawWorld(draw: Draw, world: number): Generation[] {
  const row = (): SourceRow => ({
    id: world * 10 + draw(2),
    ts: draw(6),
    who: `${world}${PEOPLE[draw(2)]}`,
    value: [null, -1, 1, 2, 3][draw(5)] ?? null,
    known: draw(3) === 0 ? null : draw(14),
  });
  const rows = (): SourceRow[] => Array.from({ length: draw(4) }, row);
  let [before, held]: [SourceRow[], SourceRow[]] = [[], []];
  let commitSeq = 0;
  return COMMITS.map((times) =>
    times.map((knownTs, index) => {
      // What is added later may be what the replacement had left out.
      const kept = held.filter(() => (index > 0 ? draw(8) === 0 : draw(4) > 0));
      const left = index > 0 ? before.filter(() => draw(3) === 0) : [];
      if (index === 0) before = held;
      const brought = [...kept, ...left, ...rows()];
      held = index > 0 ? [...held, ...brought] : brought;
      return { commitSeq: (commitSeq += 1), knownTs, rows: brought };
    }),
  );
}

async function write(session: TableSession, name: string, sql: string): Promise<string> {
  const path = join(folder, `${name}.parquet`);
  await session.execute(`copy (${sql}) to '${path}' (format parquet)`);
  return path;
}

/** The commits of all worlds as segments: one file each. */
async function segmentsOf(session: TableSession, worlds: readonly Generation[][]): Promise<SegmentFile[]> {
  const segments: SegmentFile[] = [];
  for (const [number, times] of COMMITS.entries()) {
    for (const [index, commitKnownTs] of times.entries()) {
      const path = join(folder, 'rows.ndjson');
      const commits = worlds.map((world) => world[number]?.[index]);
      const lines = commits.flatMap((commit) =>
        (commit?.rows ?? []).map((row, seq) => JSON.stringify({ ...row, seq })),
      );
      await writeFile(path, lines.join('\n'));
      const columns = `{id: 'bigint', ts: 'bigint', who: 'varchar', value: 'bigint', known: 'bigint', seq: 'bigint'}`;
      const sql = `select * exclude (seq), known as __known_ts, seq as __seq from read_json('${path}', format = 'newline_delimited', columns = ${columns})`;
      const replacedTs = COMMITS[number + 1]?.[0];
      segments.push({
        path: await write(session, `segment-${segments.length}`, sql),
        commitSeq: segments.length + 1,
        commitKnownTs,
        ...(replacedTs !== undefined && { replacedTs }),
      });
    }
  }
  return segments;
}

/** Feature rows in several chunks, one of them without the column that says when rows were taken away. */
async function chunksOf(session: TableSession, segments: readonly SegmentFile[]): Promise<{ path: string }[]> {
  const rows = datasetRelation(DATASET, segments);
  const chunks: { path: string }[] = [];
  for (const [fromCommit, toCommit] of [
    [1, 2],
    [3, 5],
  ] as const) {
    const sql = rowFeatures({ view: VIEW, dataset: DATASET, rows, fromCommit, toCommit, withdraws: true });
    chunks.push({ path: await write(session, `chunk-${fromCommit}`, sql) });
  }
  const pushed = `select 'nobody' as who, 1::bigint as event_ts, 1::bigint as known_ts, 0::bigint as seq, false as deleted, 5::bigint as value`;
  return [...chunks, { path: await write(session, 'pushed', pushed) }];
}

describe('the history of a dataset that replaces its rows', () => {
  it(`is at each time what the version of then held and what was known of it, in ${WORLDS} drawn worlds`, async () => {
    const draw = drawFrom(11);
    const worlds = Array.from({ length: WORLDS }, (_world, number) => drawWorld(draw, number));
    const rows = worlds.map(knownRows);
    const asked = worlds.flatMap((_world, world) =>
      PEOPLE.flatMap((person) => TIMES.map((time) => ({ world, who: `${world}${person}`, time }))),
    );
    expect(rows.flat().filter(({ withdrawnTs }) => withdrawnTs < Infinity).length).toBeGreaterThan(WORLDS);
    await tables.use(async (session) => {
      const view: ViewJoin = {
        chunks: await chunksOf(session, await segmentsOf(session, worlds)),
        keys: [{ key: 'who', type: 'string', column: 'who' }],
        features: [{ feature: 'value', type: 'integer', output: 'value' }],
        maxAgeMicros: null,
        withdraws: true,
      };
      await session.execute(
        `create temp table spine as select * from (values ${asked.map(({ who, time }, index) => `(${index}, '${who}', ${time}::bigint)`).join(', ')}) t(question, who, ts)`,
      );
      for (const latest of [false, true]) {
        const spine = { relation: 'spine', timeColumn: 'ts', fewKeys: latest };
        const found = await session.rows(
          `select value from (${pointInTimeJoin(spine, view, latest ? 'latest' : 'as-known')}) order by question`,
        );
        const expected = asked.map(({ world, who, time }) => valueOf(rows[world] ?? [], { who, time, latest }) ?? null);
        const different = asked.filter((_asked, index) => found[index]?.['value'] !== expected[index]);
        expect(different).toEqual([]);
      }
      for (const asOf of [4, 6, 8, 13]) {
        const keys = worlds.flatMap((_world, world) => PEOPLE.map((person) => [`${world}${person}`]));
        const question = {
          view: { keys: [{ key: 'who', type: 'string' as const, request: 'who' }], features: ['value'] },
        };
        const paths = view.chunks.map(({ path }) => path);
        const found = await session.rows(rowsAsOf({ ...question, paths, withdraws: true, pushed: null, keys, asOf }));
        const values = new Map(found.map((row) => [Number(row[POSITION]), row['deleted'] ? undefined : row['value']]));
        const different = keys.filter(([who = ''], index) => {
          const world = Math.floor(index / PEOPLE.length);
          return values.get(index) !== valueOf(rows[world] ?? [], { who, time: asOf, latest: false });
        });
        expect(different).toEqual([]);
      }
    });
  });
});
