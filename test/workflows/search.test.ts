import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RunJob } from '../../activities/jobs/index.js';
import { getJson } from '../../store/contracts/json-artifacts.js';
import { createExternalTrainingActivities } from '../../activities/external-training.js';
import { createExternalTrialActivities } from '../../activities/external-trials.js';
import { createLifecycleActivities } from '../../activities/lifecycle.js';
import { trackJobs } from '../../activities/pipeline-run-log.js';
import { createSearchActivities, createSearchComputeActivities } from '../../activities/search.js';
import { createTrainingActivities } from '../../activities/training.js';
import { createTrainingComputeActivities } from '../../activities/training-compute.js';
import { ArtifactRef } from '../../domain/artifact.js';
import { DomainError } from '../../domain/errors.js';
import { workflowIds } from '../../domain/ids.js';
import { pipelineRunId } from '../../domain/pipeline-run.js';
import { SearchPlan, SearchReport, type Trial } from '../../domain/search.js';
import { PARENT_TAG, type Run } from '../../domain/tracking.js';
import { trialRunId } from '../../domain/trial-run.js';
import { trialParameters } from '../../ml/search/propose.js';
import { encodeModel, type OnnxGraph } from '../../ml/onnx/writer.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import { runJobInActivity } from '../../workers/compute/run-in-activity.js';
import { type CommandList, createCommandPort } from '../../workers/ports/command-process.js';
import type { TrainingPipelineResult } from '../../workflows/training-pipeline.js';
import type { ComputeBench } from '../activities/compute-fixture.js';
import { openFlightsBench } from '../activities/flights-fixture.js';
import { recordHistory } from '../support/histories.js';
import { openTestTemporal, type TestTemporal } from '../support/temporal.js';
import { startWorkers, type TestWorkers } from '../support/workers.js';

const AS_OF = 983_448_000_000_000;
const PATIENCE_MS = 20_000;
const now = (): number => Date.now() * 1_000;

/** What happens to a fit, by how many there were; resolves before it begins. */
type Meddling = (fits: number, signal: AbortSignal | undefined) => Promise<void>;

describe('a pipeline that searches', () => {
  let bench: ComputeBench;
  let temporal: TestTemporal;
  let workers: TestWorkers | undefined;
  let pipelines = 0;
  /** Parameters of each fit, in order. */
  let fitted: string[];
  let beforeFit: Meddling;
  let answers: { lost: number };
  let commands: CommandList = {};

  beforeAll(async () => {
    bench = await openFlightsBench();
  });

  afterAll(() => bench.close());

  beforeEach(async () => {
    temporal = await openTestTemporal();
    [fitted, beforeFit, answers] = [[], () => Promise.resolve(), { lost: 0 }];
  });

  afterEach(async () => {
    await workers?.stop();
    workers = undefined;
    await temporal.close();
  });

  async function declare(search: object, changes: object = {}): Promise<void> {
    const stored = await bench.stores.resources.get('Model', 'flight-delay');
    if (stored?.resource.kind !== 'Model') throw new Error('the example has a model');
    const { resource } = stored;
    const builtIn = { kind: 'gbdt', parameters: { trees: 8, depth: 2 } };
    const trainer = { ...builtIn, ...changes, seed: 7, search };
    // Nothing is that good: the pipeline ends after its evaluation.
    const gates = [{ metric: 'roc_auc', min: 0.999 }];
    const features = [{ request: 'distance' }, { name: 'hour', expression: 'hour_of(departed_ts)' }];
    const split = { holdout: '14d', sample: { train: 1_500, holdout: 200 } };
    const evaluation = { resamples: 200 };
    await bench.apply({ ...resource, spec: { ...resource.spec, trainer, gates, features, split, evaluation } });
  }

  async function start(): Promise<void> {
    const { stores, jobs } = bench;
    const runJob: RunJob = async (name, input, options) => {
      if (name === 'runTrial') {
        fitted.push(JSON.stringify((input as { parameters: unknown }).parameters));
        await beforeFit(fitted.length, options?.signal);
      }
      return bench.runJob(name, input, options);
    };
    const tracking = {
      stores,
      now,
      sha256Hex,
      environment: { codeRevision: null, engines: {} },
      describeAttempt: () => `attempt ${Math.random()}`,
      lostAfterMicros: 10_000_000,
    };
    const files = { stores, now, sha256Hex, apiUrl: null, mintToken: () => 'token' };
    const inActivity = runJobInActivity({ runJob }, 500);
    const search = createSearchComputeActivities({ runJob: inActivity, ...tracking });
    const losing: typeof search.runTrial = async (input) => {
      const outcome = await search.runTrial(input);
      if (input.index !== 1 || answers.lost > 0) return outcome;
      answers.lost += 1;
      throw new Error('the worker died before it could answer');
    };
    const workflows = { state: () => Promise.resolve('running' as const) } as never;
    workers = await startWorkers(temporal, {
      orchestration: temporal.taskQueue,
      io: {
        ...createTrainingActivities({ stores, tables: jobs.context.tables, now, sha256Hex }),
        ...createSearchActivities({ stores, sha256Hex }),
        ...createLifecycleActivities({ stores, workflows, now, sha256Hex }),
      },
      compute: {
        ...createTrainingComputeActivities({ stores, runJob: trackJobs(inActivity, tracking) }),
        ...search,
        runTrial: losing,
        ...createExternalTrialActivities({ runJob: inActivity, ...files, ...tracking }),
        ...createExternalTrainingActivities({
          runJob: trackJobs(inActivity, tracking),
          ...files,
          commands: createCommandPort(commands),
          stalledAfterMs: 10_000,
        }),
      },
      computeSlots: 2,
    });
  }

  async function open(): Promise<{ pipelineId: string; result: () => Promise<TrainingPipelineResult> }> {
    pipelines += 1;
    const pipelineId = `${temporal.taskQueue}-${pipelines}`;
    const workflowId = workflowIds.trainingPipeline(pipelineId);
    const about = { pipelineId, model: 'flight-delay', requestId: pipelineId, trigger: 'manual' as const };
    const opened = { ...about, workflowId, requestedBy: 'test', stage: 'queued', outcome: 'running', reasons: [] };
    const empty = { version: null, approvalId: null, rolloutId: null, closedTs: null };
    await bench.stores.lifecycles.openPipeline({ ...opened, ...empty, startedTs: now(), startedAt: now() } as never);
    const handle = await temporal.client.workflow.start('trainingPipeline', {
      taskQueue: temporal.taskQueue,
      workflowId,
      args: [{ ...about, requestedBy: 'test', reason: 'test', asOf: AS_OF, timing: 'test' }],
    });
    return { pipelineId, result: () => handle.result() as Promise<TrainingPipelineResult> };
  }

  async function pipelineRun(pipelineId: string): Promise<Run> {
    const run = await bench.stores.runs.get(pipelineRunId(sha256Hex, pipelineId));
    if (run === null) throw new Error('the pipeline has no run');
    return run;
  }

  const tagOf = ({ tags }: Run, key: string): string => tags.find((tag) => tag.key === key)?.value ?? '';

  async function reportOf(pipelineId: string): Promise<SearchReport> {
    const uri = tagOf(await pipelineRun(pipelineId), 'perennial.searchReport');
    const sha256 = uri.slice(-64);
    const ref = ArtifactRef.parse({ uri, sha256, bytes: 0, mediaType: 'application/json' });
    return getJson(bench.stores.artifacts, ref, SearchReport);
  }

  async function trialRun(report: SearchReport, { index, parameters }: Trial): Promise<Run | null> {
    return bench.stores.runs.get(trialRunId(sha256Hex, { plan: report.plan.sha256, index, parameters }));
  }

  async function until(fits: number): Promise<void> {
    for (const end = Date.now() + PATIENCE_MS; fitted.length < fits;) {
      if (Date.now() > end) throw new Error(`only ${fitted.length} fits`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Goes on only when its worker is stopped, as a fit that is never heard of again. */
  const hang = (signal: AbortSignal | undefined): Promise<void> =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });

  it('repeats no finished trial when workers die and answers get lost, and fits what it chose', async () => {
    await declare({
      // Enough for densities to be drawn from in the end.
      trials: 11,
      parallel: 2,
      over: { depth: [2, 4, 6], learningRate: { min: 0.02, max: 0.5, scale: 'log' } },
    });
    beforeFit = (fits, signal) => (fits === 4 ? hang(signal) : Promise.resolve());
    await start();
    const { pipelineId, result } = await open();
    await until(4);
    await workers?.stop();
    await start();
    expect((await result()).outcome).toBe('rejected_by_gates');

    const report = await reportOf(pipelineId);
    expect(report.trials.map(({ state }) => state)).toEqual(Array.from({ length: 12 }, () => 'finished'));
    expect(answers.lost).toBe(1);
    // Twelve trials, of which the one that hung was begun twice.
    const again = fitted.filter((parameters, position) => fitted.indexOf(parameters) < position);
    expect(again).toEqual([fitted[3]]);
    expect(fitted).toHaveLength(13);

    // As if one trial had come after the other, whatever died between them.
    const plan = await getJson(bench.stores.artifacts, report.plan, SearchPlan);
    for (const [index, { parameters }] of report.trials.entries()) {
      const before = report.trials.slice(0, index).map((trial) => ({
        ...trial,
        loss: trial.index <= index - 2 ? trial.loss : null,
      }));
      expect(trialParameters(plan, index, before)).toEqual(parameters);
    }
    const losses = report.trials.map(({ loss }) => loss ?? Number.NaN);
    expect(report.trials[report.chosen]?.loss).toBe(Math.min(...losses));
    const run = await pipelineRun(pipelineId);
    expect(tagOf(run, 'perennial.search')).toBe(report.reason);
    expect(report.reason).toMatch(
      /^trial \d+ of 11, log loss 0\.\d{4} on inner validation \(the last 20 % of the training/,
    );
    expect(run.params).toContainEqual({ key: 'depth', value: String(report.parameters['depth']) });
    for (const trial of report.trials) {
      const nested = await trialRun(report, trial);
      expect(nested).toMatchObject({ status: 'FINISHED', name: `trial-${String(trial.index).padStart(3, '0')}` });
      expect(tagOf(nested as Run, PARENT_TAG)).toBe(run.runId);
      expect(nested?.params).toContainEqual({ key: 'learningRate', value: String(trial.parameters['learningRate']) });
      expect(nested?.metrics).toContainEqual(
        expect.objectContaining({ key: 'validation_log_loss', value: trial.loss }),
      );
    }
    await recordHistory(temporal.client, workflowIds.trainingPipeline(pipelineId), 'trainingPipeline/searched');
  });

  /** Probability base + slope · hour, from the second of two features. */
  const byHour = (base: number, slope: number): OnnxGraph => ({
    name: 'foreign',
    nodes: [
      { op: 'Gather', inputs: ['x', 'second'], outputs: ['hour'], attributes: { axis: { kind: 'int', value: 1 } } },
      { op: 'Mul', inputs: ['hour', 'slope'], outputs: ['rising'] },
      { op: 'Add', inputs: ['rising', 'base'], outputs: ['p'] },
    ],
    initializers: [
      { name: 'second', type: 'INT64', shape: [1], values: [1] },
      { name: 'slope', type: 'FLOAT', shape: [1], values: [slope] },
      { name: 'base', type: 'FLOAT', shape: [1], values: [base] },
    ],
    inputs: [{ name: 'x', type: 'FLOAT', shape: [-1, 2] }],
    outputs: [{ name: 'p', type: 'FLOAT', shape: [-1, 1] }],
  });

  it('searches for parameters of a command, which never sees the rows that judge it', async () => {
    const { folder } = bench.jobs;
    const models = { flat: byHour(0.4, 0), falling: byHour(0.7, -0.02), rising: byHour(0.1, 0.02) };
    for (const [name, graph] of Object.entries(models))
      await writeFile(join(folder, `${name}.onnx`), encodeModel(graph));
    const script = join(folder, 'choose.sh');
    await writeFile(
      script,
      `#!/bin/bash
      which=$(grep -o '"which":"[a-z]*"' "$1/request.json" | cut -d'"' -f4)
      cp "${folder}/$which.onnx" "$1/output/model.onnx"
      stat -c %s "$1/train.parquet" >> "${folder}/seen"
      echo '{"output": "p"}' > "$1/output/answer.json"`,
    );
    await chmod(script, 0o755);
    commands = { choose: [script] };
    const trainer = { kind: 'command', command: 'choose', parameters: { which: 'flat' } };
    await declare({ method: 'grid', trials: 3, over: { which: Object.keys(models) } }, trainer);
    await start();
    const { pipelineId, result } = await open();
    expect((await result()).outcome).toBe('rejected_by_gates');
    const report = await reportOf(pipelineId);
    expect(report.trials.map(({ parameters, state }) => [parameters['which'], state])).toEqual([
      ['flat', 'finished'],
      ['falling', 'finished'],
      ['rising', 'finished'],
    ]);
    expect(report.chosen).toBe(2);
    // Three times the rows to fit, at last all training rows.
    const sizes = (await readFile(join(folder, 'seen'), 'utf8')).trim().split('\n').map(Number);
    expect(new Set(sizes.slice(0, 3)).size).toBe(1);
    expect(sizes[3]).toBeGreaterThan(Number(sizes[0]));
    const [trial] = report.trials;
    if (trial === undefined) throw new Error('a search has trial 0');
    expect((await trialRun(report, trial))?.params).toContainEqual({ key: 'trainer', value: 'command/choose' });
    expect((await pipelineRun(pipelineId)).params).toContainEqual({ key: 'which', value: 'rising' });
  });

  it('ends when nothing better came for so many trials, and when its time is over; trials that fail are passed over', async () => {
    await declare({ method: 'grid', trials: 6, parallel: 2, patience: 2, over: { trees: [1, 2, 3, 4, 5, 6] } });
    beforeFit = (fits) =>
      fitted[fits - 1]?.includes('"trees":1,') === true
        ? Promise.reject(new DomainError('PRN_TRAINING_DIVERGED', { iteration: 1, problem: 'the loss is NaN' }))
        : Promise.resolve();
    await start();
    const impatient = await open();
    await impatient.result();
    const stopped = await reportOf(impatient.pipelineId);
    expect(stopped.ended).toBe('patience');
    expect(stopped.trials.map(({ state }) => state)).toEqual(['finished', 'failed', 'finished']);
    expect(await trialRun(stopped, stopped.trials[1] as Trial)).toMatchObject({
      status: 'FAILED',
      cause: 'Training diverged at iteration 1: the loss is NaN.',
    });
    expect(stopped.reason).toContain('the declared parameters, log loss');

    await declare({ trials: 3, parallel: 2, timeBudget: '2s', over: { depth: [2, 4, 6, 8] } });
    beforeFit = (fits, signal) =>
      fitted[fits - 1]?.includes('"depth":2,') === true ? Promise.resolve() : hang(signal);
    const slow = await open();
    expect((await slow.result()).outcome).toBe('rejected_by_gates');
    const cut = await reportOf(slow.pipelineId);
    expect(cut.ended).toBe('time_budget');
    expect(cut.chosen).toBe(0);
    const unfinished = cut.trials.find(({ state }) => state === 'open');
    if (unfinished === undefined) throw new Error('a trial was under way');
    expect(await trialRun(cut, unfinished)).toMatchObject({ status: 'KILLED' });
  });

  it('ends its trials when the pipeline is cancelled', async () => {
    await declare({ trials: 4, parallel: 2, over: { depth: [2, 4, 6, 8] } });
    let aborted = 0;
    beforeFit = async (fits, signal) => {
      if (fits < 3) return;
      await hang(signal).finally(() => {
        aborted += 1;
      });
    };
    await start();
    const { pipelineId, result } = await open();
    await until(3);
    await temporal.client.workflow.getHandle(workflowIds.trainingPipeline(pipelineId)).cancel();
    await expect(result()).rejects.toThrow(/cancel/i);
    expect(await pipelineRun(pipelineId)).toMatchObject({ status: 'KILLED' });
    for (const end = Date.now() + PATIENCE_MS; aborted === 0 && Date.now() < end;)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(aborted).toBeGreaterThan(0);
  });
});
