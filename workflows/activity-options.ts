/** The named option sets of all activities: one place that says how long a step may take and how often it is repeated. */
import type { ActivityOptions } from '@temporalio/workflow';
import { TASK_QUEUES, TRAIN_PYTHON_QUEUE } from '../domain/ids.js';
import type { Timing } from './contracts/common.js';

export interface OptionSets {
  /** A few document writes or reads. */
  readonly io: ActivityOptions;
  /** Waits for another process (serving) while it beats. */
  readonly waiting: ActivityOptions;
  /** CPU work in the compute pool, resumable by its last heartbeat. */
  readonly compute: ActivityOptions;
  /** Training in the Python worker, resumable by its last heartbeat. */
  readonly python: ActivityOptions;
}

const PRODUCTION: OptionSets = {
  io: {
    taskQueue: TASK_QUEUES.io,
    startToCloseTimeout: '1 minute',
    scheduleToCloseTimeout: '1 day',
    retry: { initialInterval: '1s', maximumInterval: '1 minute' },
  },
  waiting: {
    taskQueue: TASK_QUEUES.io,
    startToCloseTimeout: '10 minutes',
    scheduleToCloseTimeout: '1 day',
    heartbeatTimeout: '20s',
    retry: { initialInterval: '1s', maximumInterval: '1 minute' },
  },
  compute: {
    taskQueue: TASK_QUEUES.compute,
    startToCloseTimeout: '2 hours',
    scheduleToCloseTimeout: '1 day',
    heartbeatTimeout: '20s',
    retry: { initialInterval: '1s', maximumInterval: '1 minute', maximumAttempts: 8 },
  },
  python: {
    taskQueue: TRAIN_PYTHON_QUEUE,
    startToCloseTimeout: '12 hours',
    scheduleToCloseTimeout: '2 days',
    heartbeatTimeout: '1 minute',
    retry: { initialInterval: '1s', maximumInterval: '1 minute', maximumAttempts: 5 },
  },
};

/** Short enough that a killed worker is noticed in seconds, and with attempts for tests that kill every few seconds. */
const TEST: OptionSets = {
  io: {
    taskQueue: TASK_QUEUES.io,
    startToCloseTimeout: '5s',
    scheduleToCloseTimeout: '5 minutes',
    retry: { initialInterval: '100ms', maximumInterval: '1s' },
  },
  waiting: {
    taskQueue: TASK_QUEUES.io,
    startToCloseTimeout: '1 minute',
    scheduleToCloseTimeout: '5 minutes',
    heartbeatTimeout: '4s',
    retry: { initialInterval: '100ms', maximumInterval: '1s' },
  },
  compute: {
    taskQueue: TASK_QUEUES.compute,
    startToCloseTimeout: '2 minutes',
    scheduleToCloseTimeout: '10 minutes',
    heartbeatTimeout: '4s',
    retry: { initialInterval: '100ms', maximumInterval: '1s', maximumAttempts: 20 },
  },
  python: {
    taskQueue: TRAIN_PYTHON_QUEUE,
    startToCloseTimeout: '5 minutes',
    scheduleToCloseTimeout: '10 minutes',
    heartbeatTimeout: '10s',
    retry: { initialInterval: '100ms', maximumInterval: '1s', maximumAttempts: 5 },
  },
};

export function activityOptions(timing: Timing): OptionSets {
  return timing === 'test' ? TEST : PRODUCTION;
}

/** Around the command itself: its folder is laid out, and what it left is stored. */
const COMMAND_MARGIN_MS = 600_000;
/** So many attempts that take as long as they may have their time, a day at least. */
const COMMAND_ATTEMPTS = 3;
const DAY_MS = 86_400_000;

/** Of a command, whose own limit of `wallMs` says how long an attempt takes; undefined in older histories. */
export function commandOptions(timing: Timing, wallMs: number | undefined): ActivityOptions {
  const { compute } = activityOptions(timing);
  if (wallMs === undefined) return compute;
  const startToCloseTimeout = wallMs + COMMAND_MARGIN_MS;
  return {
    ...compute,
    startToCloseTimeout,
    scheduleToCloseTimeout: Math.max(DAY_MS, COMMAND_ATTEMPTS * startToCloseTimeout),
  };
}

/** How often workflows look at what nobody tells them, in milliseconds. */
export interface Polls {
  /** The training slot: is the pipeline still alive? */
  readonly inspectPipelineMs: number;
  /** Stored decisions whose signal may have been lost. */
  readonly reviewApprovalMs: number;
  /** A busy endpoint. */
  readonly endpointMs: number;
  /** The watermark of an endpoint under the wall clock. */
  readonly watermarkMs: number;
  /** Shortest and longest pause between two judgements of a rollout step. */
  readonly judgeMinMs: number;
  readonly judgeMaxMs: number;
}

export function polls(timing: Timing): Polls {
  return timing === 'test'
    ? {
        inspectPipelineMs: 3_000,
        reviewApprovalMs: 2_000,
        endpointMs: 500,
        watermarkMs: 500,
        judgeMinMs: 300,
        judgeMaxMs: 1_000,
      }
    : {
        inspectPipelineMs: 300_000,
        reviewApprovalMs: 3_600_000,
        endpointMs: 30_000,
        watermarkMs: 60_000,
        judgeMinMs: 5_000,
        judgeMaxMs: 600_000,
      };
}
