/** The state of a lifecycle, its messages, and how it is carried over. */
import { ApplicationFailure, log, proxyActivities, setCurrentDetails, setHandler } from '@temporalio/workflow';
import { z } from 'zod';
import type { RetrainingSpec } from '../../domain/model.js';
import { RetrainingRequest } from '../../domain/retraining.js';
import { activityOptions, polls, type Polls } from '../activity-options.js';
import { lifecycleCard } from '../cards/lifecycle.js';
import type { LifecycleActivities } from '../contracts/lifecycle.js';
import {
  lifecycleObserveSignal,
  type LifecycleOverview,
  type ModelLifecycleInput,
  ObserveMessage,
  overviewQuery,
  PauseMessage,
  pauseUpdate,
  PipelineFinishedMessage,
  pipelineFinishedSignal,
  requestRetrainingSignal,
  resumeUpdate,
  SetPolicyMessage,
  setPolicyUpdate,
} from '../messages.js';

/** Only what no document holds. Raise `stateVersion` with every change of shape and read the older ones. */
const CarriedLifecycle = z.strictObject({
  stateVersion: z.literal(1),
  watermark: z.number().int().nullable(),
});

export interface LifecycleState {
  /** Raised by every message, so that the main loop notices any change. */
  revision: number;
  clock: 'wall' | 'event';
  watermark: number | null;
  paused: boolean;
  policy: RetrainingSpec;
  startedAt: number[];
  /** Told and not yet kept. */
  readonly arrived: RetrainingRequest[];
  /** Kept, in order, not yet started. */
  queued: RetrainingRequest[];
  waitingFor: Record<string, string>;
  running: string | null;
  nextDueMs: number | null;
}

export interface LifecycleRun {
  readonly input: ModelLifecycleInput;
  readonly state: LifecycleState;
  readonly polls: Polls;
  readonly activities: LifecycleActivities;
  /** Now on the endpoint's clock, microseconds; null before the first watermark. */
  now(): number | null;
  inspectRunning(): Promise<void>;
  show(): void;
  carry(): unknown;
}

export async function openLifecycleRun(input: ModelLifecycleInput): Promise<LifecycleRun> {
  const { model } = input;
  const activities = proxyActivities<LifecycleActivities>(activityOptions(input.timing).io);
  const state: LifecycleState = {
    revision: 0,
    clock: 'wall',
    watermark: null,
    paused: false,
    policy: { on: [], cooldown: '0s', maxPerMonth: 1, waitForLabelled: '0s' },
    startedAt: [],
    arrived: [],
    queued: [],
    waitingFor: {},
    running: null,
    nextDueMs: null,
  };
  receiveSignals(state);
  receiveUpdates(model, state, activities);
  setHandler(overviewQuery, () => overview(model, state), {
    description: 'Champion slot, queue and pause of the model',
  });

  const carried = input.carried === undefined ? null : CarriedLifecycle.parse(input.carried);
  const record = await activities.loadLifecycle({ model });
  Object.assign(state, {
    clock: record.clock,
    paused: record.paused,
    policy: record.policy,
    queued: [...record.queued],
    startedAt: [...record.startedAt],
    running: record.running,
    watermark: highest(record.watermark, highest(state.watermark, carried?.watermark ?? null)),
  });
  return {
    input,
    state,
    polls: polls(input.timing),
    activities,
    now: () => (state.clock === 'event' ? state.watermark : Date.now() * 1_000),
    async inspectRunning() {
      if (state.running === null) return;
      const { state: found } = await activities.inspectPipeline({ pipelineId: state.running });
      if (found !== 'running') state.running = null;
    },
    show: () => setCurrentDetails(lifecycleCard(overview(model, state))),
    carry: () => ({ stateVersion: 1, watermark: state.watermark }),
  };
}

/** Moves requests from messages into documents; a request seen before changes nothing. */
export async function keepRequests(run: LifecycleRun): Promise<void> {
  const { state, activities, input } = run;
  for (let request = state.arrived.shift(); request !== undefined; request = state.arrived.shift()) {
    await activities.receiveRequest({ model: input.model, request });
  }
  const record = await activities.loadLifecycle({ model: input.model });
  state.queued = [...record.queued];
  state.policy = record.policy;
  state.paused = record.paused;
  state.clock = record.clock;
  state.watermark = highest(state.watermark, record.watermark);
}

function receiveSignals(state: LifecycleState): void {
  setHandler(
    requestRetrainingSignal,
    (body: unknown) => {
      const parsed = RetrainingRequest.safeParse(body);
      if (!parsed.success)
        return log.warn('ignored a requestRetraining signal that does not fit', { problem: parsed.error.message });
      state.arrived.push(parsed.data);
      state.revision += 1;
    },
    { description: 'Wish to train: {requestId, reason, source, requestedBy, notBefore, asOf, evidence}' },
  );
  setHandler(
    pipelineFinishedSignal,
    (body: unknown) => {
      const parsed = PipelineFinishedMessage.safeParse(body);
      if (!parsed.success) return;
      if (state.running === parsed.data.pipelineId) state.running = null;
      state.revision += 1;
    },
    { description: 'Sent by the pipeline: {pipelineId, phase, outcome}' },
  );
  setHandler(
    lifecycleObserveSignal,
    (body: unknown) => {
      const parsed = ObserveMessage.safeParse(body);
      if (!parsed.success) return;
      state.watermark = highest(state.watermark, parsed.data.watermark);
      state.revision += 1;
    },
    { description: 'Sent by the drift watch: {watermark} in microseconds of event time' },
  );
}

function receiveUpdates(model: string, state: LifecycleState, activities: LifecycleActivities): void {
  const setPaused = async (paused: boolean, body: PauseMessage): Promise<{ paused: boolean }> => {
    await activities.setPaused({ model, paused, actor: body.actor });
    state.paused = paused;
    state.revision += 1;
    return { paused };
  };
  const validator = (body: unknown): void => refuseUnless(PauseMessage, body);
  setHandler(pauseUpdate, (body) => setPaused(true, body), {
    description: 'Start no training: {requestId, actor, reason}',
    validator,
  });
  setHandler(resumeUpdate, (body) => setPaused(false, body), {
    description: 'Train again: {requestId, actor, reason}',
    validator,
  });
  setHandler(
    setPolicyUpdate,
    async (body) => {
      await activities.setRetrainingPolicy({
        model,
        policy: body.policy,
        actor: body.actor,
        requestId: body.requestId,
      });
      state.policy = body.policy;
      state.revision += 1;
      return { accepted: true as const };
    },
    {
      description: 'Cooldown, budget and waits: {requestId, actor, policy}',
      validator: (body: unknown) => refuseUnless(SetPolicyMessage, body),
    },
  );
}

function refuseUnless(schema: z.ZodType, body: unknown): void {
  const parsed = schema.safeParse(body);
  if (!parsed.success)
    throw ApplicationFailure.nonRetryable(`The message does not fit: ${parsed.error.message}`, 'PRN_REQUEST_INVALID');
}

function overview(model: string, state: LifecycleState): LifecycleOverview {
  const queued = [...state.queued, ...state.arrived].map(({ requestId, reason }) => ({
    requestId,
    reason,
    waitingFor: state.waitingFor[requestId] ?? 'its turn',
  }));
  return { model, paused: state.paused, running: state.running, queued, watermark: state.watermark };
}

function highest(left: number | null, right: number | null): number | null {
  if (left === null) return right;
  return right === null ? left : Math.max(left, right);
}
