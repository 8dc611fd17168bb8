import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type LocalTraining, trainLocally } from '../../cli/local/training.js';

describe('a trainer in Python without servers', { timeout: 60_000 }, () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-python-'));
    vi.stubEnv('TMPDIR', folder);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    expect((await readdir(folder)).filter((name) => name.startsWith('perennial-'))).toEqual([]);
    await rm(folder, { recursive: true, force: true });
  });

  const heard: string[] = [];
  const train = (trainer: string): Promise<LocalTraining> =>
    trainLocally({
      documents: 'examples/deliveries/resources',
      data: [{ dataset: null, file: 'examples/deliveries/deliveries.csv' }],
      trainer,
      now: Date.UTC(2026, 0) * 1_000,
      onProgress: (message) => heard.push(message),
    });

  it('makes a bundle of three graphs that names the code and packages it was made with', async () => {
    const { trained, evaluated } = await train('lightgbm');
    expect(trained.bundle.graphs).toHaveLength(3);
    expect(trained.trainer).toMatchObject({
      name: 'lightgbm',
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      environment: { packages: { lightgbm: '4.7.0' } },
    });
    expect(evaluated.evidence.metrics.roc_auc?.value).toBeGreaterThan(0.55);
    expect(heard).toContain('trainer lightgbm starts');
  });

  it('of the user comes from PERENNIAL_TRAINERS, and its exception is told with the end of its log', async () => {
    const mine = await mkdtemp(join(tmpdir(), '../perennial-mine-'));
    const file = join(mine, 'mine.py');
    await writeFile(
      file,
      'from perennial_trainer import trainer\n\n@trainer("mine")\ndef train(context):\n    raise KeyError("no such column")\n',
    );
    vi.stubEnv('PERENNIAL_TRAINERS', file);
    await expect(train('mine')).rejects.toMatchObject({
      code: 'PRN_TRAINER_FAILED',
      message: expect.stringMatching(/KeyError: 'no such column'.*in train/s),
    });
    await rm(mine, { recursive: true });
  });

  it('that can run nowhere is told before a row is read', async () => {
    vi.stubEnv('PERENNIAL_PYTHON', '/nowhere/python3');
    heard.length = 0;
    await expect(train('sklearn')).rejects.toMatchObject({
      code: 'PRN_ENGINE_MISSING',
      message: expect.stringMatching(/^Trainer sklearn: .*built in \(gbdt, linear, baseline\).*`npm run setup`/),
    });
    expect(heard).toEqual([]);
  });
});
