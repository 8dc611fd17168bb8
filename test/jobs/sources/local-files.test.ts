import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prepareSegment } from '../../../activities/jobs/prepare-segment.js';
import type { OpenedSource, SourceLimits } from '../../../activities/jobs/sources/contract.js';
import { openSource } from '../../../activities/jobs/sources/open-source.js';
import { DatasetSpec, Segment } from '../../../domain/dataset.js';
import { getJson } from '../../../store/contracts/json-artifacts.js';
import { openSourceBench, type SourceBench } from './source-bench.js';

describe('sources on the disk of the worker', () => {
  let bench: SourceBench;

  beforeEach(async () => {
    bench = await openSourceBench();
  });

  afterEach(async () => {
    await bench.close();
  });

  const at = (name: string): string => join(bench.landing, name);
  const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  const request = (sourceUri: string, limits?: SourceLimits) => {
    return { sourceUri, format: undefined, sourceFolders: [bench.landing], limits };
  };
  const open = (sourceUri: string, limits?: SourceLimits): Promise<OpenedSource> =>
    openSource(request(sourceUri, limits), bench.context);
  /** The code it fails with; nothing may be left of it. */
  const codeOf = async (opening: Promise<unknown>): Promise<string> => {
    const code = await opening.then(
      () => 'opened',
      (error: unknown) => (error as { code: string }).code,
    );
    expect(await bench.copies()).toEqual([]);
    return code;
  };

  const CSV = 'ts,delay\n2001-03-01T06:00:00Z,10\n';

  it('copies one file, digests the bytes as they came and unpacks gzip', async () => {
    await writeFile(at('flights.csv.gz'), gzipSync(CSV));
    const source = await open(at('flights.csv.gz'));
    expect(source.sha256).toBe(sha256(await readFile(at('flights.csv.gz'))));
    const [file] = source.files;
    expect(file).toMatchObject({ format: 'csv', compression: null, sha256: source.sha256 });
    expect(await readFile(file?.path ?? '', 'utf8')).toBe(CSV);
    await source.remove();
    expect(await bench.copies()).toEqual([]);
  });

  it('takes all files of a pattern, and the same bytes under other names for the same source', async () => {
    await mkdir(at('2001/03'), { recursive: true });
    await writeFile(at('2001/a.csv'), CSV);
    await writeFile(at('2001/03/b.csv'), `${CSV}2001-03-02T06:00:00Z,11\n`);
    await writeFile(at('2001/03/.hidden.csv'), 'no');
    await writeFile(at('2001/03/c.txt'), 'no');
    const first = await open(at('2001/**/*.csv'));
    expect(first.files.map(({ uri }) => uri)).toEqual([at('2001/03/b.csv'), at('2001/a.csv')]);
    await rename(at('2001/a.csv'), at('2001/0.csv'));
    const second = await open(at('2001/**/?.csv'));
    expect(second.sha256).toBe(first.sha256);
    await writeFile(at('2001/0.csv'), `${CSV}\n`);
    expect((await open(at('2001/**/?.csv'))).sha256).not.toBe(first.sha256);
  });

  it('refuses a pattern of which one file leads out of the allowed folders, and one that names nothing', async () => {
    await writeFile(join(bench.folder, 'secret.csv'), CSV);
    await writeFile(at('a.csv'), CSV);
    await symlink(join(bench.folder, 'secret.csv'), at('b.csv'));
    expect(await codeOf(open(at('*.csv')))).toBe('PRN_DATASET_SOURCE_FORBIDDEN');
    expect(await codeOf(open(join(bench.landing, '..', '*.csv')))).toBe('PRN_DATASET_SOURCE_FORBIDDEN');
    expect(await codeOf(open(at('*.parquet')))).toBe('PRN_DATASET_SOURCE_MISSING');
  });

  it('a pattern with many stars never ended', async () => {
    await writeFile(at(`${'a'.repeat(200)}.csv`), CSV);
    const started = performance.now();
    expect(await codeOf(open(at(`${'*a'.repeat(40)}b*.csv`)))).toBe('PRN_DATASET_SOURCE_MISSING');
    expect(performance.now() - started).toBeLessThan(2_000);
    expect((await open(at('*a*a?*.csv*'))).files).toHaveLength(1);
  });

  it('a pattern told the names of files outside the allowed folders, and a path whether there is one', async () => {
    await mkdir(join(bench.folder, 'keys'));
    await writeFile(join(bench.folder, 'keys', 'secret-name.csv'), CSV);
    const refusal = async (uri: string): Promise<string> => {
      const error: unknown = await open(uri).catch((thrown: unknown) => thrown);
      return error instanceof Error ? error.message : 'opened';
    };
    await mkdir(at('sub'));
    const forbidden = ['/keys/*', '/**/*.csv', '/landing/*/../../keys/*', '/keys/secret-name.csv', '/keys/absent.csv'];
    for (const path of forbidden) {
      const told = await refusal(`${bench.folder}${path}`);
      expect(told, path).toMatch(/lies outside the folders/);
      if (path.includes('*')) expect(told).not.toContain('secret-name');
    }
    expect(await codeOf(open(at('absent.csv')))).toBe('PRN_DATASET_SOURCE_MISSING');
    expect(await codeOf(open(at('absent/*.csv')))).toBe('PRN_DATASET_SOURCE_MISSING');
  });

  it('reads nothing of the private folder but what lies in a source folder inside it', async () => {
    await writeFile(join(bench.folder, 'admin-key'), 'prn_secret\n');
    await writeFile(at('a.csv'), CSV);
    await symlink(join(bench.folder, 'admin-key'), at('b.csv'));
    const outer = { format: 'csv' as const, privateFolder: bench.folder, sourceFolders: [join(bench.folder, '..')] };
    const both = { ...outer, sourceFolders: [...outer.sourceFolders, bench.folder, bench.landing] };
    const openIn = (sourceUri: string, bounds: typeof outer) => openSource({ sourceUri, ...bounds }, bench.context);
    expect(await codeOf(openIn(join(bench.folder, 'admin-key'), both))).toBe('PRN_DATASET_SOURCE_FORBIDDEN');
    expect(await codeOf(openIn(at('b.csv'), both))).toBe('PRN_DATASET_SOURCE_FORBIDDEN');
    expect(await codeOf(openIn(at('a.csv'), outer))).toBe('PRN_DATASET_SOURCE_FORBIDDEN');
    expect((await openIn(at('a.csv'), both)).files).toHaveLength(1);
  });

  it('says that a file changed while it was read, so that it is read again', async () => {
    await writeFile(at('grows.csv'), CSV.repeat(100_000));
    const writer = setInterval(() => appendFileSync(at('grows.csv'), CSV), 1);
    try {
      await expect(open(at('grows.csv'))).rejects.toMatchObject({
        code: 'PRN_DATASET_SOURCE_CHANGED',
        retryable: true,
      });
    } finally {
      clearInterval(writer);
    }
    expect(await bench.copies()).toEqual([]);
  });

  it('refuses what may never end: pipes, devices, folders; and stops at the limits of size and time', async () => {
    await promisify(execFile)('mkfifo', [at('pipe.csv')]);
    expect(await codeOf(open(at('pipe.csv')))).toBe('PRN_DATASET_SOURCE_IRREGULAR');
    const zero = { ...request('/dev/zero'), format: 'csv' as const, sourceFolders: ['/dev'] };
    expect(await codeOf(openSource(zero, bench.context))).toBe('PRN_DATASET_SOURCE_IRREGULAR');
    await mkdir(at('folder.csv'));
    expect(await codeOf(open(at('folder.csv')))).toBe('PRN_DATASET_SOURCE_IRREGULAR');
    await writeFile(at('zeros.csv.gz'), gzipSync(Buffer.alloc(1_000_000)));
    expect(await codeOf(open(at('zeros.csv.gz'), { maxBytes: 999_999, maxSeconds: 60 }))).toBe(
      'PRN_DATASET_SOURCE_TOO_LARGE',
    );
    expect(await codeOf(open(at('zeros.csv.gz'), { maxBytes: 1e9, maxSeconds: 0 }))).toBe('PRN_DATASET_SOURCE_ENDLESS');
  });

  it('says that the disk is full, and can be repeated', async () => {
    await writeFile(at('a.csv'), CSV);
    const full = join(bench.folder, 'full');
    await symlink('/dev/full', full);
    const artifacts = { ...bench.context.artifacts, scratchPath: () => Promise.resolve(full) };
    await expect(openSource(request(at('a.csv')), { ...bench.context, artifacts })).rejects.toMatchObject({
      code: 'PRN_STORAGE_FULL',
      retryable: true,
    });
  });

  it('refuses damaged gzip and a name that tells no format', async () => {
    await writeFile(at('cut.csv.gz'), gzipSync(CSV.repeat(1_000)).subarray(0, 60));
    expect(await codeOf(open(at('cut.csv.gz')))).toBe('PRN_DATASET_SOURCE_UNREADABLE');
    await writeFile(at('flights.txt'), CSV);
    expect(await codeOf(open(at('flights.txt')))).toBe('PRN_DATASET_SOURCE_FORMAT');
  });

  describe('every format, plain and compressed', () => {
    const spec = DatasetSpec.parse({
      columns: [
        { name: 'ts', type: 'timestamp' },
        { name: 'delay', type: 'float' },
        { name: 'origin', type: 'string', nullable: true },
      ],
      eventTime: 'ts',
    });
    const rows = `select * from (values ('2001-03-01T06:00:00Z', 10, 'A"T,L'), ('2001-03-02T06:00:00Z', -3, null)) t(ts, delay, origin)`;

    const CASES = [
      ['a.parquet', 'format parquet'],
      ['a.csv', 'format csv'],
      ['a.csv.zst', 'format csv, compression zstd'],
      ['a.tsv', `format csv, delimiter '\t'`],
      ['a.tsv.gz', `format csv, delimiter '\t', compression gzip`],
      ['a.json', 'format json, array true'],
      ['a.json.gz', 'format json, array true, compression gzip'],
      ['a.json.zst', 'format json, array true, compression zstd'],
      ['a.ndjson', 'format json'],
      ['a.jsonl.gz', 'format json, compression gzip'],
    ] as const;

    it.each(CASES)('reads the same rows from %s', async (name, options) => {
      const { tables, artifacts } = bench.context;
      await tables.use((session) => session.execute(`copy (${rows}) to '${at(name)}' (${options})`));
      const about = { dataset: 'flights', revision: 1, spec, sourceFolders: [bench.landing] };
      const prepared = await prepareSegment({ ...about, sourceUri: at(name) }, bench.context);
      if (prepared.outcome !== 'accepted') throw new Error(JSON.stringify(prepared));
      const segment = await getJson(artifacts, prepared.segment, Segment);
      const path = await artifacts.localPath(segment.table);
      expect(
        await tables.use((session) => session.rows(`select ts, delay, origin from read_parquet('${path}')`)),
      ).toEqual([
        { ts: 983_426_400_000_000, delay: 10, origin: 'A"T,L' },
        { ts: 983_512_800_000_000, delay: -3, origin: null },
      ]);
      expect(segment.files).toEqual([
        { uri: at(name), sha256: segment.sourceSha256, bytes: (await readFile(at(name))).length },
      ]);
    });

    it('numbers the rows of several files on, and names the file and line of a bad one', async () => {
      await writeFile(at('a.csv'), 'ts,delay,origin\n2001-03-01T06:00:00Z,10,A\n2001-03-01T07:00:00Z,11,B\n');
      await writeFile(at('b.csv'), 'delay,ts,origin\n12,2001-03-01T08:00:00Z,C\n');
      const { tables, artifacts } = bench.context;
      const about = { dataset: 'flights', revision: 1, spec, sourceFolders: [bench.landing] };
      const prepared = await prepareSegment({ ...about, sourceUri: at('*.csv') }, bench.context);
      if (prepared.outcome !== 'accepted') throw new Error(JSON.stringify(prepared));
      const path = await artifacts.localPath((await getJson(artifacts, prepared.segment, Segment)).table);
      const read = await tables.use((session) =>
        session.rows(`select delay, origin, __seq from read_parquet('${path}')`),
      );
      expect(read.map(({ delay, origin, __seq }) => [delay, origin, __seq])).toEqual([
        [10, 'A', 1],
        [11, 'B', 2],
        [12, 'C', 3],
      ]);
      await writeFile(at('c.csv'), 'ts,delay,origin\n2001-03-01T06:00:00Z,10,A,surplus\n');
      await expect(prepareSegment({ ...about, sourceUri: at('*.csv') }, bench.context)).rejects.toMatchObject({
        code: 'PRN_DATASET_SOURCE_UNREADABLE',
        details: { uri: at('c.csv'), line: ', line 2' },
      });
    });
  });
});
