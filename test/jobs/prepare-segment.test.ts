import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { getJson } from '../../store/contracts/json-artifacts.js';
import { prepareSegment } from '../../activities/jobs/prepare-segment.js';
import { DatasetSpec, Segment } from '../../domain/dataset.js';
import { openFileArtifacts } from '../../store/artifacts/file.js';
import type { ArtifactStore } from '../../store/contracts/artifacts.js';
import type { TableEngine } from '../../store/contracts/tables.js';
import { openTableEngine } from '../../store/tables/engine.js';

describe('prepareSegment', () => {
  let folder: string;
  let landing: string;
  let artifacts: ArtifactStore;
  let tables: TableEngine;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
    landing = join(folder, 'landing');
    await mkdir(landing);
    await mkdir(join(folder, 'spill'));
    artifacts = openFileArtifacts(join(folder, 'artifacts'));
    await mkdir(join(folder, 'artifacts'));
    tables = await openTableEngine({
      dataDirectories: [join(folder, 'artifacts')],
      spillDirectory: join(folder, 'spill'),
    });
  });

  afterEach(async () => {
    await tables.close();
    await rm(folder, { recursive: true, force: true });
  });

  const spec = (changes: object = {}) =>
    DatasetSpec.parse({
      columns: [
        { name: 'ts', type: 'timestamp' },
        { name: 'delay', type: 'float' },
        { name: 'origin', type: 'string', nullable: true },
      ],
      eventTime: 'ts',
      format: 'csv',
      knowledge: { from: 'event', delay: '12h' },
      maxQuarantined: 0.9,
      expectations: [{ name: 'plausible', expression: 'delay >= -120', action: 'drop' }],
      ...changes,
    });

  async function prepare(content: string | Uint8Array, changes: object = {}) {
    const path = join(landing, 'source');
    await writeFile(path, content);
    const context = { tables, artifacts, progress: () => undefined, signal: new AbortController().signal };
    return prepareSegment(
      { dataset: 'flights', revision: 1, spec: spec(changes), sourceUri: path, sourceFolders: [landing] },
      context,
    );
  }
  const failure = async (
    content: string | Uint8Array,
    changes: object = {},
  ): Promise<{ code: string; message: string }> => {
    const { code, message } = await prepare(content, changes).then(
      () => ({ code: 'accepted', message: '' }),
      (error: unknown) => error as { code: string; message: string },
    );
    expect(await readdir(join(folder, 'artifacts', 'scratch'))).toEqual([]);
    return { code, message };
  };

  const GOOD = 'ts,delay,origin\n2001-03-01T06:00:00Z,10,ATL\n2001-03-01 05:00:00,-3,\n';

  it('accepts good rows in order of event time and stamps when they became known', async () => {
    const prepared = await prepare(GOOD);
    if (prepared.outcome !== 'accepted') throw new Error('refused');
    const segment = await getJson(artifacts, prepared.segment, Segment);
    const rows = await tables.use(async (session) =>
      session.rows(
        `select ts, delay, origin, __known_ts, __seq from read_parquet('${await artifacts.localPath(segment.table)}')`,
      ),
    );
    expect(rows).toEqual([
      { ts: 983_422_800_000_000, delay: -3, origin: null, __known_ts: 983_466_000_000_000, __seq: 2 },
      { ts: 983_426_400_000_000, delay: 10, origin: 'ATL', __known_ts: 983_469_600_000_000, __seq: 1 },
    ]);
    expect(await prepare(GOOD)).toMatchObject({ segment: prepared.segment });
  });

  it('sets bad rows aside with their raw text and every rule they break', async () => {
    const prepared = await prepare(`${GOOD}2001-03-01T07:00:00Z,-1116,ORD\nnot a time,many,ORD\n,5,ORD\n`);
    if (prepared.outcome !== 'accepted') throw new Error('refused');
    expect([prepared.accepted, prepared.quarantined]).toEqual([2, 3]);
    const { quarantineTable } = await getJson(artifacts, prepared.segment, Segment);
    if (quarantineTable === null) throw new Error('no quarantine');
    const path = await artifacts.localPath(quarantineTable);
    const rows = await tables.use((session) =>
      session.rows(`select source_row, raw, array_to_string(failed_rules, ' ') as rules from read_parquet('${path}')`),
    );
    expect(rows.map(({ source_row, rules }) => [source_row, rules])).toEqual([
      [3, 'plausible'],
      [4, 'ts-is-timestamp delay-is-float'],
      [5, 'ts-is-given'],
    ]);
    expect(rows[1]?.['raw']).toBe('{"ts":"not a time","delay":"many","origin":"ORD"}');
  });

  it('refuses a source of which too much would be set aside, and one that breaks a batch rule', async () => {
    expect(await prepare(`${GOOD}2001-03-01T07:00:00Z,-1116,ORD\n`, { maxQuarantined: 0.1 })).toMatchObject({
      outcome: 'refused',
    });
    const unique = { expectations: [{ name: 'one-a-moment', unique: ['ts'], action: 'fail' }] };
    expect(await prepare(`${GOOD}2001-03-01T06:00:00Z,11,ATL\n`, unique)).toMatchObject({
      outcome: 'refused',
      failures: ['one-a-moment: 1 of 3 rows (33.3333 %) fail, expected ts once, such as 2001-03-01 06:00:00'],
    });
    expect(await prepare('ts,delay,origin\n')).toMatchObject({
      outcome: 'refused',
      failures: ['the source has no rows'],
    });
  });

  it('names the missing column and what came', async () => {
    const { code, message } = await failure('ts,delya,origin\n2001-03-01T06:00:00Z,10,ATL\n');
    expect(code).toBe('PRN_DATASET_SCHEMA_MISMATCH');
    expect(message).toContain(
      'column delay (did you mean "delya"?) is missing. Expected ts, delay, origin, got ts, delya, origin.',
    );
  });

  it('names the line of a ragged row', async () => {
    const { code, message } = await failure(`${GOOD}2001-03-01T08:00:00Z,1,ATL,surplus,surplus\n`);
    expect(code).toBe('PRN_DATASET_SOURCE_UNREADABLE');
    expect(message).toContain('as csv, line 4');
  });

  it('refuses invalid UTF-8, a truncated Parquet file, a missing file and one outside the allowed folders', async () => {
    const bad = new Uint8Array([...new TextEncoder().encode(GOOD), 0x32, 0xff, 0xfe, 0x2c, 0x31, 0x2c, 0x41, 0x0a]);
    expect((await failure(bad)).code).toBe('PRN_DATASET_SOURCE_UNREADABLE');
    expect((await failure('PAR1 and nothing more', { format: 'parquet' })).code).toBe('PRN_DATASET_SOURCE_UNREADABLE');
    const context = { tables, artifacts, progress: () => undefined, signal: new AbortController().signal };
    const at = (sourceUri: string) =>
      prepareSegment({ dataset: 'flights', revision: 1, spec: spec(), sourceUri, sourceFolders: [landing] }, context);
    await expect(at(join(landing, 'nowhere.csv'))).rejects.toThrow(
      expect.objectContaining({ code: 'PRN_DATASET_SOURCE_MISSING' }),
    );
    await writeFile(join(folder, 'outside.csv'), GOOD);
    await expect(at(join(landing, '..', 'outside.csv'))).rejects.toThrow(
      expect.objectContaining({ code: 'PRN_DATASET_SOURCE_FORBIDDEN' }),
    );
  });

  it.each([
    { name: 'listed', values: { column: 'delay', in: [0, 1, 2, 3, 4, 5] }, action: 'warn' },
    { name: 'asked', expression: "in(origin, 'k0', 'k1', 'k2', 'k3', 'k4', 'k5')", action: 'warn' },
    { name: 'paired', pairs: { columns: ['origin', 'delay'], in: [0, 1, 2, 3, 4, 5].map((n) => [`k${n}`, n]) } },
  ])(
    'numbers the rows as they stand; five values in a rule once made that the order of the threads ($name)',
    async (rule) => {
      const path = join(folder, 'artifacts', 'many.parquet');
      // Several row groups, so that two threads share them.
      const rows = `select 1000000000000000 + i as ts, (i % 6)::double as delay, 'k' || (i % 6) as origin from range(600000) r(i)`;
      await tables.use((session) =>
        session.execute(`copy (${rows}) to '${path}' (format parquet, row_group_size 50000)`),
      );
      const prepared = await prepare(await readFile(path), {
        format: 'parquet',
        expectations: [{ action: 'warn', ...rule }],
      });
      if (prepared.outcome !== 'accepted') throw new Error(`the source was ${prepared.outcome}`);
      const segment = await getJson(artifacts, prepared.segment, Segment);
      const table = await artifacts.localPath(segment.table);
      const [misplaced] = await tables.use((session) =>
        session.rows(`select count(*) as n from read_parquet('${table}') where ts <> 1000000000000000 + __seq - 1`),
      );
      expect(misplaced?.['n']).toBe(0);
    },
  );

  it('writes the same bytes for any number of threads, of rows that stand in order too', async () => {
    const path = join(folder, 'artifacts', 'ordered.parquet');
    const rows = `select 1000000000000000 + i as ts, (i % 7)::double as delay, 'k' || (i % 6) as origin from range(400000) r(i)`;
    await tables.use((session) =>
      session.execute(`copy (${rows}) to '${path}' (format parquet, row_group_size 50000)`),
    );
    const source = await readFile(path);
    const expectations = [{ name: 'small', range: { column: 'delay', max: 5 }, action: 'drop' }];
    const digests: string[] = [];
    for (const threads of [2, 1]) {
      await tables.close();
      const dataDirectories = [join(folder, 'artifacts')];
      tables = await openTableEngine({ dataDirectories, spillDirectory: join(folder, 'spill'), threads });
      const prepared = await prepare(source, { format: 'parquet', expectations });
      if (prepared.outcome !== 'accepted') throw new Error(`the source was ${prepared.outcome}`);
      const { table, quarantineTable } = await getJson(artifacts, prepared.segment, Segment);
      digests.push(`${table.sha256} ${quarantineTable?.sha256}`);
    }
    expect(digests[1]).toBe(digests[0]);
  });
});
