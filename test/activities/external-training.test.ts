import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPythonEnvironment } from '#scripts/support/python-environment.mjs';
import { createExternalTrainingActivities } from '../../activities/external-training.js';
import type { ArtifactRef } from '../../domain/artifact.js';
import { getJson, putJson } from '../../store/contracts/json-artifacts.js';
import { createTrainingComputeActivities } from '../../activities/training-compute.js';
import { type ExternalRun, TrainerAnswer } from '../../domain/external-training.js';
import { pipelineRunId } from '../../domain/pipeline-run.js';
import { EvaluatedModel, TrainedModel, TrainingSnapshot } from '../../domain/training.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import { createCommandPort } from '../../workers/ports/command-process.js';
import { type ComputeBench, NOW } from './compute-fixture.js';
import { openFlightsBench, snapshotFlights } from './flights-fixture.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

describe('flights trained by a command', () => {
  let bench: ComputeBench;
  let commands: Record<string, readonly string[]>;

  beforeEach(async () => {
    bench = await openFlightsBench();
    const python = await findPythonEnvironment(ROOT);
    if (python === undefined) throw new Error('the Python environment is missing; run `npm run setup` first');
    // The attempt of the Python worker keeps to the same contract, so it makes a command with a real model behind it.
    const program = join(bench.jobs.folder, 'train.py');
    const lines = [`import sys`, `sys.path.insert(0, ${JSON.stringify(`${ROOT}trainers/python`)})`];
    await writeFile(program, [...lines, `from perennial_trainer.child import main`, `sys.exit(main())`].join('\n'));
    commands = { sklearn: [python.interpreter, program] };
  });

  afterEach(async () => {
    await bench.close();
  });

  it('end in a version with three graphs and the digest of the program in its lineage', async () => {
    const { stores, runJob } = bench;
    const { artifacts } = stores;
    const training = createTrainingComputeActivities({ stores, runJob });
    const external = createExternalTrainingActivities({
      stores,
      runJob,
      commands: createCommandPort(commands),
      apiUrl: 'http://127.0.0.1:1',
      stalledAfterMs: 120_000,
      mintToken: () => 'token',
      sha256Hex,
      now: () => NOW,
    });
    const pinned = await getJson(artifacts, await snapshotFlights(bench), TrainingSnapshot);
    const trainer = {
      kind: 'command' as const,
      command: 'sklearn',
      limits: { wall: '2m', cpuSeconds: 100, memoryMb: 4_096 },
      parameters: { estimator: 'linear' },
      seed: 7,
    };
    const snapshot = await putJson(artifacts, { ...pinned, spec: { ...pinned.spec, trainer } });
    const { dataset } = await training.buildTrainingDataset({ snapshot });

    const run = await external.prepareTrainerData({ pipelineId: 'p1', snapshot, dataset });
    const { runId } = run;
    expect(runId).toBe(pipelineRunId(sha256Hex, 'p1'));
    // It runs here: nobody needs a token. Its limit is how long the activity may take.
    expect(run).toEqual({ runId, request: run.request, files: null, wallMs: 120_000 });
    expect(await stores.runFiles.get(runId)).toBeNull();

    const inActivity = new MockActivityEnvironment();
    const { answer } = await inActivity.run<[ExternalRun], { answer: ArtifactRef }, typeof external.trainByCommand>(
      external.trainByCommand,
      run,
    );
    const { trainerDigest, environment } = await getJson(artifacts, answer, TrainerAnswer);
    const { trained } = await external.adoptTrainedModel({ snapshot, dataset, run, answer });

    const evaluated = await training.evaluateModel({ snapshot, dataset, trained });
    const model = await getJson(artifacts, evaluated.trained, TrainedModel);
    expect(model.bundle.graphs).toHaveLength(3);
    expect(model.trainer).toEqual({
      name: 'sklearn',
      digest: trainerDigest,
      environment,
      request: run.request,
      answer,
    });
    const { evidence } = await getJson(artifacts, evaluated.evaluated, EvaluatedModel);
    expect(evidence.gates.map(({ name }) => name)).toContainEqual(expect.stringContaining('rateBy'));
  });
});
