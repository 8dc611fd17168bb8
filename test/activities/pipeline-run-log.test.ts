import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobProgress } from '../../activities/jobs/context.js';
import type { RunJob } from '../../activities/jobs/index.js';
import { getJson, putJson } from '../../store/contracts/json-artifacts.js';
import { endPipelineRun, tagPipelineRun, trackJobs } from '../../activities/pipeline-run-log.js';
import { createTrainingComputeActivities } from '../../activities/training-compute.js';
import type { ArtifactRef } from '../../domain/artifact.js';
import { DomainError } from '../../domain/errors.js';
import type { TrainerAnswer } from '../../domain/external-training.js';
import type { Evidence } from '../../domain/evaluation.js';
import { pipelineRunId } from '../../domain/pipeline-run.js';
import type { Run } from '../../domain/tracking.js';
import { EvaluatedModel, TrainingDataset } from '../../domain/training.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import type { Stores } from '../../store/contracts/index.js';
import { spendHoldout } from '../../store/mongo/holdout-uses.js';
import { createRunStore } from '../../store/mongo/runs.js';
import { PLAN, snapshotOf, type StoredTraining, storeTraining } from '../jobs/training-fixture.js';
import { type ComputeBench, NOW, openComputeBench } from './compute-fixture.js';

const SECOND = 1_000_000;
const RUN = pipelineRunId(sha256Hex, 'p1');

describe('the run of a pipeline', () => {
  let bench: ComputeBench;
  let stores: Stores;
  let input: StoredTraining;
  let now = NOW;

  beforeEach(async () => {
    now = NOW;
    bench = await openComputeBench();
    stores = { ...bench.stores, runs: createRunStore(bench.database, { now: () => now, sha256Hex }) };
    input = await storeTraining(bench.jobs, snapshotOf({ trees: 5 }), { trainRows: 400, holdoutRows: 200 });
    await stores.lifecycles.openPipeline({
      pipelineId: 'p1',
      model: 'flight-delay',
      workflowId: 'pipeline/p1',
      requestId: 'r1',
      trigger: 'manual',
      codeRevision: null,
      judged: null,
      requestedBy: 'mira',
      stage: 'training',
      outcome: 'running',
      reasons: [],
      version: null,
      approvalId: null,
      rolloutId: null,
      startedTs: NOW,
      startedAt: NOW,
      closedTs: null,
    });
  });
  afterEach(() => bench.close());

  /** Jobs that report these values before they do what `end` does. */
  function attempt(name: string, reports: readonly Partial<JobProgress>[], end: RunJob = bench.runJob): RunJob {
    const reporting = (async (job, given, options) => {
      for (const report of reports) options?.onProgress?.({ message: 'a tree', ...report });
      return end(job, given, options);
    }) as RunJob;
    return trackJobs(reporting, {
      stores,
      now: () => now,
      sha256Hex,
      environment: { codeRevision: 'abc123', engines: { node: '20.0.0' } },
      describeAttempt: () => name,
      lostAfterMicros: 60 * SECOND,
    });
  }
  const loss = (step: number, value: number): Partial<JobProgress> => ({ step, metrics: { training_loss: value } });
  const train = (runJob: RunJob) => runJob('trainModel', { ...input, plan: PLAN });
  const evaluate = async (trained: ArtifactRef): Promise<Evidence> => {
    const { evaluateModel } = createTrainingComputeActivities({ stores, runJob: attempt('attempt 1', []) });
    const { evaluated } = await evaluateModel({ ...input, trained });
    return (await getJson(stores.artifacts, evaluated, EvaluatedModel)).evidence;
  };
  const run = async (): Promise<Run> => {
    const found = await stores.runs.get(RUN);
    if (found === null) throw new Error('there is no run');
    return found;
  };
  const losses = async (): Promise<unknown[]> =>
    (await stores.runs.history(RUN, 'training_loss', { after: 0, limit: 100 })).map(({ step, value }) => [step, value]);
  const fail = ((): Promise<never> => Promise.reject(new Error('out of memory'))) as RunJob;

  it('has parameters, data, live values, metrics and what came of it, and is finished by the evaluation', async () => {
    const trained = await train(attempt('attempt 1', [loss(1, 0.6), { checkpoint: 1 }, loss(2, 0.5)]));
    expect(await run()).toMatchObject({
      status: 'RUNNING',
      writer: { owner: 'attempt 1', untilTs: NOW + 86_400 * SECOND },
    });
    const evidence = await evaluate(trained.trained);
    await tagPipelineRun({ stores, sha256Hex }, 'p1', { version: '3' });
    await endPipelineRun({ stores, sha256Hex }, { pipelineId: 'p1', outcome: 'promoted', reasons: [] });

    const done = await run();
    const experiment = await stores.experiments.byName('flight-delay');
    expect(done).toMatchObject({
      experimentId: experiment?.experimentId,
      name: 'pipeline-p1',
      userId: 'mira',
      status: 'FINISHED',
      endTs: NOW,
      writer: null,
    });
    expect(Object.fromEntries(done.params.map(({ key, value }) => [key, value]))).toEqual({
      trainer: 'gbdt',
      seed: '7',
      task: 'binary',
      trees: '5',
      depth: '4',
    });
    expect(Object.fromEntries(done.tags.map(({ key, value }) => [key, value]))).toEqual({
      'mlflow.runName': 'pipeline-p1',
      'mlflow.source.git.commit': 'abc123',
      'mlflow.source.name': 'pipeline/p1',
      'mlflow.source.type': 'JOB',
      'mlflow.user': 'mira',
      'perennial.bundleDigest': trained.bundleDigest,
      'perennial.engine.node': '20.0.0',
      'perennial.gates': 'passed',
      'perennial.model': 'flight-delay',
      'perennial.modelRevision': '1',
      'perennial.outcome': 'promoted',
      'perennial.pipelineId': 'p1',
      'perennial.trigger': 'manual',
      'perennial.version': '3',
    });
    const { train: rows, holdout } = await getJson(stores.artifacts, input.dataset, TrainingDataset);
    expect(done.inputs.map(({ name, digest, tags }) => [name, digest, tags[0]?.value])).toEqual([
      ['flight-delay training', rows.sha256, 'training'],
      ['flight-delay holdout', holdout.sha256, 'evaluation'],
      ['flights', 'v1', 'spine'],
      ['origin-traffic', 'v1', 'features'],
    ]);
    expect(await losses()).toEqual([
      [1, 0.6],
      [2, 0.5],
    ]);
    expect(done.metrics.find(({ key }) => key === 'roc_auc')?.value).toBe(evidence.metrics.roc_auc?.value);
  });

  it('has what a trainer elsewhere measured, once its model is adopted', async () => {
    const json = (value: unknown) => putJson(stores.artifacts, value);
    const answer: TrainerAnswer = {
      onnx: await json('a model'),
      output: 'probabilities',
      samplePredictions: null,
      predictedBy: 'estimator',
      environment: { python: '3.11.2', packages: { lightgbm: '4.6.0' } },
      metrics: [
        { step: 10, training_loss: 0.6 },
        { step: 20, training_loss: 0.5 },
      ],
      log: null,
      attempt: 1,
      trainerDigest: 'f'.repeat(64),
    };
    const adopted = (() => Promise.resolve({ bundleDigest: 'b'.repeat(64) })) as unknown as RunJob;
    const asked = { ...input, plan: PLAN, request: await json('a request'), answer: await json(answer) };
    for (const name of ['attempt 1', 'attempt 2']) await attempt(name, [], adopted)('adoptTrainedModel', asked);
    expect(await losses()).toEqual([
      [10, 0.6],
      [20, 0.5],
    ]);
    const tags = new Map((await run()).tags.map(({ key, value }) => [key, value]));
    expect(
      ['trainerDigest', 'engine.lightgbm', 'engine.python', 'bundleDigest'].map((key) => tags.get(`perennial.${key}`)),
    ).toEqual(['f'.repeat(64), '4.6.0', '3.11.2', 'b'.repeat(64)]);
  });

  it('goes on in the next attempt, with each value once, and stops the attempt that was left behind', async () => {
    let wasStopped: unknown;
    const hanging = ((_job, _input, options) =>
      new Promise((_resolve, reject) => {
        options?.signal?.addEventListener('abort', () => {
          wasStopped = options.signal?.reason;
          reject(new Error('stopped'));
        });
      })) as RunJob;
    const first = train(attempt('attempt 1', [loss(1, 0.6), loss(2, 0.5)], hanging));
    first.catch(() => undefined);
    await expect.poll(losses, { timeout: 10_000 }).toEqual([
      [1, 0.6],
      [2, 0.5],
    ]);
    await expect(train(attempt('attempt 2', [loss(2, 0.5), loss(3, 0.4)], fail))).rejects.toThrow('out of memory');
    expect(await losses()).toEqual([
      [1, 0.6],
      [2, 0.5],
      [3, 0.4],
    ]);
    expect(await run()).toMatchObject({
      status: 'RUNNING',
      writer: { owner: 'attempt 2', epoch: 2, untilTs: NOW + 600 * SECOND },
    });
    now += 30 * SECOND;
    await expect(first).rejects.toThrow('stopped');
    expect(wasStopped).toMatchObject({ code: 'PRN_RUN_STALE_WRITER' });
  });

  it('is lost while its worker is gone, and says why once the pipeline knows', async () => {
    let isTraining = false;
    let die = (): void => undefined;
    const dying = (() =>
      new Promise((_resolve, reject) => {
        isTraining = true;
        die = () => reject(new Error('gone'));
      })) as RunJob;
    const killed = train(attempt('attempt 1', [], dying));
    killed.catch(() => undefined);
    await expect.poll(() => isTraining, { timeout: 10_000 }).toBe(true);
    const statusLater = async (): Promise<string | undefined> => {
      now += 61 * SECOND;
      return (await stores.runs.get(RUN))?.status;
    };
    await expect.poll(statusLater, { timeout: 10_000 }).toBe('FAILED');
    await endPipelineRun(
      { stores, sha256Hex },
      { pipelineId: 'p1', outcome: 'failed', reasons: ['the worker was killed 8 times'] },
    );
    expect(await run()).toMatchObject({
      status: 'FAILED',
      cause: 'failed: the worker was killed 8 times',
      writer: null,
    });
    die();
    await expect(killed).rejects.toThrow('gone');
    expect((await run()).cause).toBe('failed: the worker was killed 8 times');
  });

  it('says of the gates what was judged in the end, of a holdout that was used up as well', async () => {
    const { trained } = await train(attempt('attempt 1', []));
    const { holdoutDigest: digest } = await evaluate(trained);
    const gates = async () => (await run()).tags.find(({ key }) => key === 'perennial.gates')?.value;
    expect(await gates()).toBe('passed');
    const promoted = { version: 1, attemptId: 'another pipeline' };
    await bench.database.transact((session) =>
      spendHoldout(bench.database, { session, promoted, model: 'flight-delay', digest }),
    );
    await evaluate(trained);
    expect([await gates(), (await run()).status]).toEqual(['rejected', 'FINISHED']);
  });

  it('is killed with a pipeline that somebody cancels, and its files open to nobody', async () => {
    await expect(train(attempt('attempt 1', [], fail))).rejects.toThrow('out of memory');
    await stores.runFiles.open({ runId: RUN, tokenDigest: 'digest', inputs: [], untilTs: NOW + SECOND });
    await endPipelineRun({ stores, sha256Hex }, { pipelineId: 'p1', outcome: 'cancelled', reasons: ['by mira'] });
    expect(await run()).toMatchObject({ status: 'KILLED', cause: 'cancelled: by mira' });
    expect(await stores.runFiles.get(RUN)).toMatchObject({ closed: true, tokenDigests: [] });
  });

  it('stays finished whatever becomes of the version', async () => {
    const trained = await train(attempt('attempt 1', []));
    await evaluate(trained.trained);
    await endPipelineRun({ stores, sha256Hex }, { pipelineId: 'p1', outcome: 'failed', reasons: ['no endpoint'] });
    expect(await run()).toMatchObject({ status: 'FINISHED', cause: null });
  });

  it('may be deleted without stopping the training', async () => {
    await expect(train(attempt('attempt 1', [], fail))).rejects.toThrow('out of memory');
    await stores.runs.update(RUN, { lifecycle: 'deleted' }, null);
    expect((await train(attempt('attempt 2', [loss(1, 0.6)]))).bundleDigest).toMatch(/^[0-9a-f]{64}$/);
    await tagPipelineRun({ stores, sha256Hex }, 'p1', { version: '3' });
    expect(await losses()).toEqual([]);
  });

  it('may be deleted, ended or full while it is trained, which stops nothing but the log', async () => {
    const meanwhile = (work: () => Promise<unknown>): RunJob =>
      (async (job, given, options) => {
        await work();
        options?.onProgress?.({ message: 'a tree', ...loss(2, 0.5) });
        return bench.runJob(job, given, options);
      }) as RunJob;
    const epoch = async (): Promise<number | null> => (await run()).writer?.epoch ?? null;
    const end = async () => stores.runs.update(RUN, { status: 'KILLED' }, await epoch());
    const ended = await train(attempt('attempt 1', [loss(1, 0.6)], meanwhile(end)));
    expect(ended.bundleDigest).toMatch(/^[0-9a-f]{64}$/);
    expect(await run()).toMatchObject({ status: 'KILLED', writer: null });
    const remove = () => stores.runs.update(RUN, { lifecycle: 'deleted' }, null);
    const deleted = await train(attempt('attempt 2', [loss(1, 0.6)], meanwhile(remove)));
    expect(deleted.bundleDigest).toBe(ended.bundleDigest);
    await stores.runs.update(RUN, { lifecycle: 'active' }, null);
    const full = new DomainError('PRN_RUN_FULL', { runId: RUN, what: 'tags', mib: 3 });
    stores = { ...stores, runs: { ...stores.runs, log: () => Promise.reject(full) } };
    expect((await train(attempt('attempt 3', [loss(1, 0.6)]))).bundleDigest).toBe(ended.bundleDigest);
    expect(await run()).toMatchObject({ status: 'RUNNING', writer: { owner: 'attempt 3' } });
    const failing = train(
      attempt(
        'attempt 4',
        [],
        meanwhile(() => fail('trainModel', { ...input, plan: PLAN })),
      ),
    );
    await expect(failing).rejects.toThrow('out of memory');
    expect(await losses()).toEqual([]);
  });

  it('is not there for pipelines that never came to training', async () => {
    await endPipelineRun({ stores, sha256Hex }, { pipelineId: 'other', outcome: 'failed', reasons: [] });
    await tagPipelineRun({ stores, sha256Hex }, 'other', { version: '3' });
    expect(await stores.runs.get(pipelineRunId(sha256Hex, 'other'))).toBeNull();
  });
});
