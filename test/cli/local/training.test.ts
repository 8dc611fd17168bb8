import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { trainingText } from '../../../cli/commands/train-output.js';
import { readDocuments } from '../../../cli/documents.js';
import { type LocalTraining, type LocalTrainingRequest, trainLocally } from '../../../cli/local/training.js';
import { decideGates } from '../../../domain/gates.js';
import { SearchReport } from '../../../domain/search.js';
import { type LocalWorld, openLocalWorld } from './local-world.js';

const EXAMPLE = 'examples/deliveries';
const DATA = join(EXAMPLE, 'deliveries.csv');

type Document = { kind: string; spec: Record<string, unknown> };

describe('training without servers', { timeout: 60_000 }, () => {
  let world: LocalWorld;
  let trained: LocalTraining;
  beforeAll(async () => {
    world = await openLocalWorld();
    trained = await train({ out: join(world.folder, 'first') });
  });
  afterAll(() => world.remove());

  const train = (changes: Partial<LocalTrainingRequest> = {}): Promise<LocalTraining> =>
    trainLocally({
      documents: join(EXAMPLE, 'resources'),
      data: [{ dataset: null, file: DATA }],
      now: Date.UTC(2026, 0) * 1_000,
      onProgress: () => undefined,
      ...changes,
    });
  /** The example's documents in one file, those of a kind with a changed spec. */
  async function changed(kind: string, spec: object): Promise<string> {
    const documents = readDocuments(join(EXAMPLE, 'resources')) as Document[];
    const written = documents.map((each) => (each.kind === kind ? { ...each, spec: { ...each.spec, ...spec } } : each));
    return world.write(`${kind}.yaml`, written.map((each) => stringify(each)).join('---\n'));
  }
  const kept = (folder: string, file: string): Promise<Buffer> => readFile(join(world.folder, folder, file));

  it('writes the bundle, the numbers, and a card whose sources lie beside it', async () => {
    expect(trained.evaluated.evidence.outcome).toBe('passed');
    expect((await readdir(join(world.folder, 'first'), { recursive: true })).toSorted()).toEqual(
      expect.arrayContaining(['bundle', 'card.json', 'card.md', 'evidence.json', 'metrics.json', 'plots/roc.svg']),
    );
    const digest = async (file: string): Promise<string> =>
      createHash('sha256')
        .update(await kept('first', file))
        .digest('hex');
    const card = JSON.parse(String(await kept('first', 'card.json'))) as LocalTraining['card'];
    expect(await digest('evidence.json')).toBe(card.sources.evidence.sha256);
    expect(await digest('snapshot.json')).toBe(card.sources.snapshot.sha256);
    expect(await digest('training-dataset.json')).toBe(card.sources.dataset.sha256);
    expect(await digest('bundle/model.onnx')).toBe(trained.trained.bundle.graphs[0].sha256);
    expect(String(await kept('first', 'card.md'))).toContain('![roc](plots/roc.svg)');
    const metrics = JSON.parse(String(await kept('first', 'metrics.json'))) as Record<string, unknown>;
    expect(metrics).toMatchObject({
      model: 'late-delivery',
      trainer: 'linear',
      outcome: 'passed',
      bundleDigest: trained.trained.bundleDigest,
      rows: { train: 378, holdout: 196 },
      holdout: { from: '2024-03-29T00:00:00.000Z', to: '2024-04-12T00:00:00.000Z' },
    });
  });

  it('makes the same of the same, byte for byte, with another number of threads and at another time', async () => {
    const out = join(world.folder, 'second');
    const again = await train({ out, threads: 1, now: Date.UTC(2027, 5) * 1_000 });
    expect(again.trained.bundleDigest).toBe(trained.trained.bundleDigest);
    const files = trained.files.map((path) => path.slice(join(world.folder, 'first').length + 1));
    expect(again.files).toEqual(files.map((file) => join(out, file)));
    for (const file of files)
      expect([file, (await kept('second', file)).equals(await kept('first', file))]).toEqual([file, true]);
  });

  it('trains with another trainer by its name, and says why gates refuse it', async () => {
    const { snapshot, evaluated } = await train({ trainer: 'baseline' });
    expect(snapshot.spec.trainer).toEqual({ kind: 'baseline', parameters: {}, seed: 7 });
    const { outcome, reasons, gates } = evaluated.evidence;
    expect([outcome, decideGates(gates)]).toEqual(['rejected', { outcome, reasons }]);
    expect(reasons).toEqual([expect.stringMatching(/^roc_auc better than majority: improvement \+0\.0000/)]);
  });

  it('searches for parameters as a pipeline does, and says what it chose', async () => {
    const search = { method: 'grid', trials: 3, over: { l2: [0.01, 100_000] } };
    const documents = await changed('Model', { trainer: { kind: 'linear', parameters: {}, seed: 7, search } });
    const out = join(world.folder, 'searched');
    const told: string[] = [];
    const searched = await train({ documents, out, onProgress: (message) => told.push(message) });
    expect(told.filter((line) => line.startsWith('trial '))).toHaveLength(3);
    const report = SearchReport.parse(JSON.parse(String(await kept('searched', 'search.json'))));
    expect(report.trials.map(({ parameters, state }) => [parameters['l2'], state])).toEqual([
      [1, 'finished'],
      [0.01, 'finished'],
      [100_000, 'finished'],
    ]);
    const [declared, , stiff] = report.trials;
    expect(stiff?.loss).toBeGreaterThan(declared?.loss ?? Infinity);
    expect(searched.trained.search).toMatchObject({ reason: report.reason, parameters: report.parameters });
    expect(trainingText(searched, out)).toContain(`parameters: ${report.reason}`);
    expect(String(await kept('searched', 'card.md'))).toContain(report.reason);
  });

  it('refuses a model that reads its own label, and names the feature', async () => {
    const features = [{ request: 'km' }, { request: 'late' }];
    const training = await train({ documents: await changed('Model', { features }) });
    expect(training.evaluated.evidence.outcome).toBe('rejected');
    expect(trainingText(training, undefined)).toMatch(
      /^late-delivery: refused by 1 of 3 gates that apply\n {2}no leakage: .*late/,
    );
  });

  it('refuses another trainer where the document with it would be refused: one that cannot fit folds', async () => {
    const documents = await changed('Model', { split: { holdout: '7d', folds: 2 } });
    const { snapshot } = await train({ documents, trainer: 'baseline' });
    expect(snapshot.spec).toMatchObject({ trainer: { kind: 'baseline' }, split: { folds: 2 } });
    await expect(train({ documents, trainer: 'lightgbm' })).rejects.toThrow(
      'Model late-delivery, spec.split.folds: a python trainer fits one model, on one holdout',
    );
  });

  it('refuses a file that its dataset refuses, with the rule', async () => {
    const rules = [{ name: 'near', range: { column: 'km', max: 5 }, action: 'fail' }];
    const documents = await changed('Dataset', { expectations: rules });
    await expect(train({ documents })).rejects.toMatchObject({
      code: 'PRN_DATASET_VALIDATION_FAILED',
      message: expect.stringMatching(/near: \d+ of 588 rows/),
    });
  });

  it('asks which file is which, and for what is missing', async () => {
    const other = { ...(readDocuments(join(EXAMPLE, 'resources'))[0] as Document), metadata: { name: 'couriers' } };
    const documents = await changed('FeatureView', { dataset: 'couriers' });
    await writeFile(documents, `${await readFile(documents, 'utf8')}---\n${stringify(other)}`);
    const message = async (...data: LocalTrainingRequest['data']): Promise<string> =>
      train({ documents, data }).then(
        () => '',
        (error: unknown) => (error instanceof Error ? error.message : ''),
      );
    expect(await message({ dataset: null, file: DATA })).toMatch(
      /model late-delivery reads deliveries, couriers, .* such as --data deliveries=examples/,
    );
    expect(await message({ dataset: 'deliveries', file: DATA })).toMatch(/give one with --data couriers=FILE/);
    expect(await message({ dataset: 'courier', file: DATA })).toMatch(/No Dataset named courier exists \(did you mean/);
    expect(await message({ dataset: 'deliveries', file: DATA }, { dataset: null, file: DATA })).toBe('');
  });

  it('stands at the moment that is asked for', async () => {
    const asOf = Date.UTC(2024, 3, 5) * 1_000;
    const { snapshot } = await train({ asOf });
    expect(new Date(snapshot.split.holdoutTo / 1_000).toISOString()).toBe('2024-04-04T00:00:00.000Z');
    await expect(train({ asOf: Date.UTC(2024, 2, 6) * 1_000 })).rejects.toMatchObject({ code: 'PRN_TRAINING_NO_ROWS' });
  });
});
