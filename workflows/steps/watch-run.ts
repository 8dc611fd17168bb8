/** The state of a drift watch, its messages, and how it is carried over. */
import { proxyActivities, log, setCurrentDetails, setHandler } from '@temporalio/workflow';
import { z } from 'zod';
import { activityOptions, polls, type Polls } from '../activity-options.js';
import { watchCard } from '../cards/watch.js';
import type {
  MonitoringActivities,
  MonitoringComputeActivities,
  ServedFeatureActivities,
  WatchRecord,
} from '../contracts/monitoring.js';
import {
  driftStateQuery,
  type DriftWatchInput,
  MuteMessage,
  muteSignal,
  ObserveMessage,
  observeSignal,
  StopMessage,
  stopSignal,
} from '../messages.js';

/** What survives continue-as-new. Raise `stateVersion` with every change of shape and read the older ones. */
const CarriedWatch = z.strictObject({
  stateVersion: z.literal(1),
  watermark: z.number().int().nullable(),
  sealedThrough: z.number().int().nullable(),
  firstWindowStart: z.number().int().nullable(),
  mutedUntil: z.number().int().nullable(),
  lastLines: z.array(z.string()),
});
type CarriedWatch = z.infer<typeof CarriedWatch>;

export interface WatchState {
  watermark: number | null;
  sealedThrough: number | null;
  firstWindowStart: number | null;
  mutedUntil: number | null;
  lastLines: readonly string[];
  stopped: boolean;
  /** Watermarks told and not yet worked, ascending. */
  readonly claimed: number[];
}

type WatchActivities = MonitoringActivities & MonitoringComputeActivities & ServedFeatureActivities;

export interface WatchRun {
  readonly endpoint: string;
  readonly record: WatchRecord;
  readonly state: WatchState;
  readonly polls: Polls;
  readonly activities: WatchActivities;
  show(): void;
  carry(): CarriedWatch;
}

export async function openWatchRun(input: DriftWatchInput): Promise<WatchRun> {
  const { endpoint } = input;
  const activities = watchActivities(input);
  const state: WatchState = {
    watermark: null,
    sealedThrough: null,
    firstWindowStart: null,
    mutedUntil: null,
    lastLines: [],
    stopped: false,
    claimed: [],
  };
  receiveWatchMessages(endpoint, state);
  const carried = input.carried === undefined ? null : CarriedWatch.parse(input.carried);
  const record = await activities.loadWatch({ endpoint });
  // Messages may have come while the record was read: they are newer than what was carried.
  Object.assign(state, {
    watermark: carried?.watermark ?? record.watermark,
    sealedThrough: later(record.sealedThrough, carried?.sealedThrough ?? null),
    firstWindowStart: carried?.firstWindowStart ?? null,
    mutedUntil: state.mutedUntil ?? carried?.mutedUntil ?? null,
    lastLines: carried?.lastLines ?? [],
  });
  const run: WatchRun = {
    endpoint,
    record,
    state,
    polls: polls(input.timing),
    activities,
    show: () => setCurrentDetails(watchCard(endpoint, state)),
    carry: () => {
      const { watermark, sealedThrough, firstWindowStart, mutedUntil, lastLines } = state;
      return { stateVersion: 1, watermark, sealedThrough, firstWindowStart, mutedUntil, lastLines: [...lastLines] };
    },
  };
  run.show();
  return run;
}

function watchActivities(input: DriftWatchInput): WatchActivities {
  const options = activityOptions(input.timing);
  const quick = proxyActivities<MonitoringActivities>(options.io);
  const compute = proxyActivities<MonitoringComputeActivities>({ ...options.compute, summary: 'Seal a window' });
  const checker = proxyActivities<ServedFeatureActivities>({
    ...options.compute,
    summary: 'Recompute served features',
  });
  return {
    loadWatch: quick.loadWatch,
    settleWatermark: quick.settleWatermark,
    publishWatermark: quick.publishWatermark,
    actOnAlert: quick.actOnAlert,
    sealWindow: compute.sealWindow,
    checkServedFeatures: checker.checkServedFeatures,
  };
}

/** More unworked watermarks than this are folded into the newest. */
const CLAIM_LIMIT = 1_000;

function receiveWatchMessages(endpoint: string, state: WatchState): void {
  setHandler(
    observeSignal,
    (body: unknown) => {
      const parsed = ObserveMessage.safeParse(body);
      if (!parsed.success)
        return log.warn('ignored an observe signal that does not fit', { problem: parsed.error.message });
      const newest = state.claimed.at(-1) ?? state.watermark;
      if (newest !== null && parsed.data.watermark <= newest) return;
      if (state.claimed.length >= CLAIM_LIMIT) state.claimed.pop();
      state.claimed.push(parsed.data.watermark);
    },
    { description: 'Event time has come this far: {watermark} in microseconds' },
  );
  setHandler(
    muteSignal,
    (body: unknown) => {
      const parsed = MuteMessage.safeParse(body);
      if (parsed.success) state.mutedUntil = parsed.data.until;
      else log.warn('ignored a mute signal that does not fit', { problem: parsed.error.message });
    },
    { description: 'Raise alerts without acting on them: {requestId, actor, until, reason}' },
  );
  setHandler(
    stopSignal,
    (body: unknown) => {
      if (StopMessage.safeParse(body).success) state.stopped = true;
    },
    { description: 'End the watch: {requestId, actor}' },
  );
  setHandler(
    driftStateQuery,
    () => {
      const { watermark, sealedThrough, mutedUntil, lastLines } = state;
      return { endpoint, watermark, sealedThrough, mutedUntil, lastLines };
    },
    { description: 'Watermark, last sealed window and what the monitors said' },
  );
}

function later(left: number | null, right: number | null): number | null {
  if (left === null || right === null) return left ?? right;
  return Math.max(left, right);
}
