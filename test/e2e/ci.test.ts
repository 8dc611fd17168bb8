import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { CiReport } from '../../cli/ci/report.js';
import { readDocuments } from '../../cli/documents.js';
import { trainLocally } from '../../cli/local/training.js';
import type { Pipeline } from '../../domain/pipeline.js';
import type { ModelVersion } from '../../domain/registry.js';
import { parseIso } from '../../domain/time.js';
import { openSmallWorld, type SmallWorld } from '../support/small-world.js';

const PERENNIAL = fileURLToPath(new URL('../../bin/perennial', import.meta.url));
const EXAMPLE = 'examples/deliveries';
const DATA = join(EXAMPLE, 'deliveries.csv');
/** When every label of the example is known. */
const AS_OF = '2024-04-12T02:00:00Z';

type Document = { kind: string; metadata: { name: string }; spec: Record<string, unknown> };

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly junit: string;
  readonly report: string;
}

/** Changes of one project, one after the other, judged by one installation. */
describe('perennial ci', () => {
  let world: SmallWorld;
  let folder: string;
  let key: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-ci-'));
    world = await openSmallWorld();
    key = (await readFile(world.stack.addresses.adminKeyFile, 'utf8')).trim();
  });
  afterAll(async () => {
    await world.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** The example's documents with parts of the model's spec replaced, and a model that only people train. */
  async function documents(modelSpec: Record<string, unknown> = {}): Promise<string> {
    const changed = (readDocuments(join(EXAMPLE, 'resources')) as Document[]).flatMap((each) => {
      const metadata = { name: 'by-hand' };
      if (each.kind === 'Endpoint') return [each, { ...each, metadata }];
      if (each.kind !== 'Model') return [each];
      const byHand = { ...each.spec, endpoint: 'by-hand', retraining: { on: ['manual'] } };
      return [
        { ...each, spec: { ...each.spec, ...modelSpec } },
        { ...each, metadata, spec: byHand },
      ];
    });
    const path = join(folder, 'resources.yaml');
    await writeFile(path, changed.map((each) => stringify(each)).join('---\n'));
    return path;
  }

  async function ci(revision: string, file: string, ...more: readonly string[]): Promise<Ended> {
    const [junit, report] = [join(folder, 'ci.xml'), join(folder, 'ci.md')];
    const args = ['ci', '-f', file, '--code-revision', revision, '--as-of', AS_OF];
    const files = more.includes('--wait') ? ['--junit', junit, '--report', report] : [];
    const child = spawn(PERENNIAL, [...args, ...files, ...more], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PERENNIAL_API_URL: world.stack.addresses.apiUrl ?? '', PERENNIAL_API_KEY: key },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const code = await new Promise<number | null>((resolve) => {
      child.once('close', resolve);
    });
    return { code, stdout, stderr, ...(await kept()) };
  }

  /** What the last run that waited left behind. */
  async function kept(): Promise<Pick<Ended, 'junit' | 'report'>> {
    const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8').catch(() => '');
    return { junit: await read('ci.xml'), report: await read('ci.md') };
  }

  const modelOf = ({ stdout, stderr }: Ended): CiReport['models'][number] => {
    const [model] = stdout === '' ? [] : (JSON.parse(stdout) as CiReport).models;
    if (model === undefined) throw new Error(`no model in ${stdout}${stderr}`);
    return model;
  };

  it('registers a good candidate as training on files makes it, with the revision, and trains it once', async () => {
    const file = await documents();
    const rows = ['--table', `deliveries=${DATA}`];
    const started = await ci('c0ffee', file, '-o', 'json', ...rows);
    expect([started.code, modelOf(started).outcome]).toEqual([0, 'started']);
    const ended = await ci('c0ffee', file, '-o', 'json', '--wait', ...rows);
    expect([ended.code, ended.stderr.split('\n').at(-2)]).toEqual([0, 'late-delivery: awaiting approval']);
    const { pipelineId, version, outcome } = modelOf(ended);
    expect([pipelineId, version, outcome]).toEqual([modelOf(started).pipelineId, 1, 'passed']);
    const pipeline = (await world.api.get(`/v1/pipelines/${pipelineId}`)) as Pipeline;
    expect([pipeline.trigger, pipeline.codeRevision]).toEqual(['code', 'c0ffee']);
    const registered = (await world.api.get('/v1/models/late-delivery/versions/1')) as ModelVersion;
    expect(registered.lineage.codeRevision).toBe('c0ffee');
    const { runs } = (await world.api.get(`/v1/runs?experiments=late-delivery`)) as { runs?: { tags: unknown }[] };
    expect(JSON.stringify(runs ?? (await world.api.get('/v1/runs')))).toContain('c0ffee');
    const { trained } = await trainLocally({
      documents: join(EXAMPLE, 'resources'),
      data: [{ dataset: null, file: DATA }],
      asOf: parseIso(AS_OF),
      now: Date.now() * 1_000,
      onProgress: () => undefined,
    });
    expect(trained.bundleDigest).toBe(registered.bundleDigest);
    expect(ended.report).toMatch(
      /^# Perennial CI: passed\n\nCode revision `c0ffee`\. 7 resources applied, 0 of them new/,
    );
    expect(ended.report).toContain('| roc\\_auc better than majority | passed | 0.2582 |');
  });

  it('only applies a model that does not list code, and says so', async () => {
    const { report } = await kept();
    expect(report).toContain('- by-hand: only applied: its retraining.on does not list code\n');
    await expect(world.api.post('/v1/models/by-hand/runs', { codeRevision: 'c0ffee' })).rejects.toMatchObject({
      code: 'PRN_RETRAINING_NOT_ON_CODE',
      message: expect.stringContaining('retraining.on lists manual'),
    });
  });

  it('refuses a target that leaked into the features, and names it', async () => {
    const features = [{ request: 'km' }, { request: 'late' }];
    const { code, stdout, junit, report } = await ci('1eaced', await documents({ features }), '--wait');
    expect(code).toBe(1);
    expect(stdout).toMatch(/model late-delivery: refused, refused by 1 of 4 .*\n {2}no leakage: .*late/);
    expect(junit).toMatch(
      /<testcase classname="model.late-delivery" name="no leakage">\n\s*<failure message="no leakage: /,
    );
    expect(report).toMatch(/## late-delivery: refused by 1 of 4 gates that apply\n\n- no leakage: .*late/);
  });

  it('refuses a worse model by its gate, with what was observed and asked for', async () => {
    const ended = await ci('0bad', await documents({ trainer: { kind: 'baseline', seed: 7 } }), '--wait', '-o', 'json');
    const { outcome, version, reasons, evidence } = modelOf(ended);
    expect([ended.code, outcome, version]).toEqual([1, 'refused', null]);
    expect(reasons).toEqual([expect.stringMatching(/^roc_auc better than majority: improvement \+0\.0000, at least/)]);
    expect(evidence?.gates[0]).toMatchObject({
      verdict: 'failed',
      observed: 0,
      threshold: 0.05,
      rows: 196,
      blocks: 14,
    });
    expect(ended.report).toContain('| roc\\_auc better than majority | **failed** | 0 | 0 | 0 | 0.05 | 196 | 14 |');
  });

  it('trains nothing on data that fails validation, and says by which rule', async () => {
    const bad = join(folder, 'bad.csv');
    await writeFile(bad, (await readFile(DATA, 'utf8')).replaceAll(/,(\d+\.\d),(yes|no),/g, ',9$1,$2,'));
    const ended = await ci('bad0da7a', await documents(), '--wait', '--table', `deliveries=${bad}`);
    expect(ended.code).toBe(1);
    expect(ended.stdout).toMatch(/data deliveries: refused .*\n {2}.*588 of 588 rows/);
    expect(ended.stdout).toContain('model late-delivery: skipped\n  not trained on data that did not pass');
    expect(ended.junit).toMatch(/<testsuite name="data deliveries" tests="\d+" failures="[12]"/);
    expect(ended.report).toContain('| deliveries | **refused** |');
  });
});
