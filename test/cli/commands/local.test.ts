import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { document } from '../local/local-world.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const PERENNIAL = join(ROOT, 'bin/perennial');
const FLIGHTS = join(ROOT, 'node_modules/vega-datasets/data/flights-3m.parquet');

describe('the perennial command without servers', () => {
  let folder: string;
  /** Where the command keeps its temporary folder. */
  let temporary: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial test ü '));
    temporary = await mkdtemp(join(tmpdir(), 'perennial-tmp-'));
    const resources = [
      document('Dataset', 'flights', {
        columns: [
          { name: 'departed_ts', from: 'date', type: 'timestamp' },
          { name: 'delay', type: 'float' },
          { name: 'origin', type: 'string' },
        ],
        eventTime: 'departed_ts',
        knowledge: { from: 'event', delay: '12h' },
        expectations: [{ name: 'plausible', expression: 'delay > -600', action: 'fail' }],
      }),
      document('Entity', 'airport', { keys: [{ name: 'origin', type: 'string' }] }),
      document('FeatureView', 'traffic', {
        dataset: 'flights',
        entity: 'airport',
        keys: { origin: 'origin' },
        cuts: { every: '1h' },
        features: [{ name: 'late_rate', aggregate: 'rate', expression: 'delay > 15', window: '30d' }],
      }),
    ];
    await writeFile(join(folder, 'resources.yaml'), resources.map((each) => stringify(each)).join('---\n'));
    await writeFile(join(folder, 'flights.csv'), 'date,delay,origin\n2001-01-01,20,ATL\n2001-01-02,5,ATL\n');
    await writeFile(
      join(folder, 'spine.csv'),
      'origin,event_ts,late\nATL,2001-01-03T12:00:00Z,1\nORD,2001-01-03T12:00:00Z,0\n',
    );
  });
  afterEach(async () => {
    expect(await readdir(temporary)).toEqual([]);
    await rm(folder, { recursive: true, force: true });
    await rm(temporary, { recursive: true, force: true });
  });

  interface Ended {
    readonly code: number | null;
    readonly stdout: string;
    readonly stderr: string;
  }

  async function perennial(args: readonly string[], meanwhile?: (pid: number) => Promise<void>): Promise<Ended> {
    const child = spawn(PERENNIAL, args, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: temporary },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const ended = new Promise<Ended>((resolve) => {
      child.once('close', (code) => resolve({ code, stdout, stderr }));
    });
    if (child.pid !== undefined) await meanwhile?.(child.pid);
    return ended;
  }
  const historical = (...more: readonly string[]): string[] => [
    'features',
    'historical',
    '--resources=resources.yaml',
    '--spine=spine.csv',
    '--out=out.csv',
    ...more,
  ];

  it('retrieves features of the past: exit code 0 and a summary', async () => {
    const { code, stdout, stderr } = await perennial(historical('--table', 'flights=flights.csv', '-o', 'json'));
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({
      knowledge: 'as-known',
      rows: 2,
      features: [{ name: 'late_rate', view: 'traffic', nulls: 1 }],
      tables: [{ dataset: 'flights', file: 'flights.csv', accepted: 2, quarantined: 0 }],
      output: { path: 'out.csv' },
    });
    expect(await readFile(join(folder, 'out.csv'), 'utf8')).toBe(
      'origin,event_ts,late,late_rate\nATL,2001-01-03T12:00:00Z,1,0.5\nORD,2001-01-03T12:00:00Z,0,\n',
    );
  });

  it('says aloud that latest knowledge leaks', async () => {
    const { code, stdout, stderr } = await perennial(
      historical('--table', 'flights=flights.csv', '--latest-knowledge'),
    );
    expect(code).toBe(0);
    expect(stderr).toMatch(/^LEAK: /);
    expect(stdout).toMatch(
      /^2 rows written to out\.csv .*which leaks\n {2}late_rate {2}1 of 2 rows have a value {2}\(traffic\)\n$/,
    );
  });

  it('tells which rows of the spine cannot be answered, and which rows of a table were set aside', async () => {
    await writeFile(join(folder, 'spine.csv'), 'origin,event_ts\n,2001-01-03\nATL,\nATL,soon\n');
    await writeFile(
      join(folder, 'some.csv'),
      `date,delay,origin\n${'2001-01-01,20,ATL\n'.repeat(20)}2001-01-01,x,ATL\n`,
    );
    const { code, stderr } = await perennial(historical('--table', 'flights=some.csv'));
    expect(code).toBe(0);
    expect(stderr.split('\n')).toEqual([
      'flights: 1 of 21 rows of some.csv were quarantined.',
      expect.stringMatching(/^ {2}delay-is-float: 1 of 21 rows .*such as x$/),
      'spine: event_ts is missing in 1 and does not fit in 1 of 3 rows, whose features are null.',
      'spine: origin is missing in 1 of 3 rows, whose features are null.',
      '',
    ]);
    await writeFile(join(folder, 'spine.csv'), 'origin,event_ts\nATL,\n');
    expect((await perennial(historical('--table', 'flights=flights.csv'))).code).toBe(0);
    expect(await readFile(join(folder, 'out.csv'), 'utf8')).toBe('origin,event_ts,late_rate\nATL,,\n');
  });

  it('refuses with 1 and the reason, and calls wrong usage 2', async () => {
    const refused = await perennial(historical('--table', 'flight=flights.csv'));
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toMatch(
      /^PRN_RESOURCE_NOT_FOUND\nNo Dataset named flight exists \(did you mean "flights"\?\)/,
    );
    for (const args of [
      ['features', 'historical'],
      historical('--table', 'flights'),
      historical('--out', 'out.xlsx'),
      historical('--threads', '0'),
      historical('--features', 'a,,b'),
      historical('--features', 'traffic', '--model', 'm'),
      ['validate', '--dataset', 'resources.yaml'],
      ['dataset', 'infer'],
    ])
      expect([args, (await perennial(args)).code]).toEqual([args, 2]);
  });

  it('judges a file: 0 accepted, 1 refused, 2 unreadable', async () => {
    const validate = (data: string, ...more: readonly string[]): Promise<Ended> =>
      perennial(['validate', '--dataset', 'resources.yaml', '--data', data, ...more]);
    const accepted = await validate('flights.csv', '-o', 'json');
    expect([accepted.code, accepted.stderr]).toEqual([0, '']);
    expect(JSON.parse(accepted.stdout)).toMatchObject({ outcome: 'accepted', rows: 2, quarantined: 0 });
    await writeFile(join(folder, 'bad.csv'), 'date,delay,origin\n2001-01-01,-700,ATL\n');
    const refused = await validate('bad.csv', '--profile-out', 'profile.json');
    expect([refused.code, refused.stderr]).toEqual([1, '']);
    expect(refused.stdout).toMatch(/^refused: 1 rows\n/);
    expect(JSON.parse(await readFile(join(folder, 'profile.json'), 'utf8'))).toMatchObject({ rows: 1 });
    const missing = await validate('none.csv');
    expect([missing.code, missing.stdout]).toEqual([2, '']);
    expect(missing.stderr).toMatch(/^PRN_DATASET_SOURCE_MISSING\n/);
  });

  it('drafts a dataset that it then accepts the file by', async () => {
    const { code, stdout } = await perennial(['dataset', 'infer', 'flights.csv', '--name', 'departures']);
    expect([code, stdout]).toEqual([0, expect.stringContaining('metadata: { name: departures }')]);
    await writeFile(join(folder, 'draft.yaml'), stdout);
    expect((await perennial(['validate', '--dataset', 'draft.yaml', '--data', 'flights.csv'])).code).toBe(0);
    const json = await perennial(['dataset', 'infer', 'flights.csv', '-o', 'json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ kind: 'Dataset', metadata: { name: 'flights' } });
  });

  it('ends at Ctrl-C and leaves nothing behind', async () => {
    const started = async (pid: number): Promise<void> => {
      while ((await readdir(temporary)).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      await new Promise((resolve) => setTimeout(resolve, 300));
      process.kill(pid, 'SIGINT');
    };
    const { code, stderr } = await perennial(historical('--table', `flights=${FLIGHTS}`), started);
    expect([code, stderr]).toEqual([1, 'Stopped by SIGINT; nothing was written.\n']);
    expect(await readdir(folder)).not.toContain('out.csv');
  });

  it('loads no engine for help', async () => {
    const report = `process.on('exit', () => { const { sharedObjects } = process.report.getReport(); console.error(sharedObjects.filter((path) => path.includes('duckdb')).length); });`;
    const loaded = async (args: readonly string[]): Promise<string> => {
      const script = `${report} process.argv.splice(1, 0, 'perennial'); await import(${JSON.stringify(PERENNIAL)});`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, '--', ...args], {
        cwd: folder,
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, TMPDIR: temporary },
      });
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      await new Promise((resolve) => child.once('close', resolve));
      return stderr.trim().split('\n').at(-1) ?? '';
    };
    expect(await loaded(['features', 'historical', '--help'])).toBe('0');
    expect(Number(await loaded(['dataset', 'infer', 'flights.csv']))).toBeGreaterThan(0);
  });
});
