/** Runs, their metric history and their search. Semantics are MLflow's; every run may have one writer that alone writes. */
import type { RunSearch } from '../../domain/run-search/query.js';
import type {
  DatasetInput,
  KeyValue,
  LifecycleStage,
  Metric,
  MetricPoint,
  Run,
  RunInfo,
  RunStatus,
  RunWriter,
} from '../../domain/tracking.js';
import type { TagChange } from './experiments.js';

export interface NewRun {
  /** 32 hexadecimal digits. */
  readonly runId: string;
  readonly experimentId: string;
  /** Invented from the id where it is null. */
  readonly name: string | null;
  readonly userId: string;
  readonly status: RunStatus;
  readonly startTs: number;
  readonly tags: readonly KeyValue[];
}

export interface RunChanges {
  readonly name?: string | undefined;
  readonly status?: RunStatus | undefined;
  /** Why it failed or was ended; taken away by any status without one. */
  readonly cause?: string | undefined;
  /** Of a status that ends the run; now where it is left out. */
  readonly endTs?: number;
  readonly lifecycle?: LifecycleStage | undefined;
}

export interface RunBatch {
  readonly metrics?: readonly Metric[];
  readonly params?: readonly KeyValue[];
  readonly tags?: readonly TagChange[];
  readonly inputs?: readonly DatasetInput[];
}

export interface RunStore {
  /** A run of this id that stands already is returned as it is. Throws `PRN_EXPERIMENT_NOT_FOUND`. */
  create(run: NewRun): Promise<Run>;
  get(runId: string): Promise<Run | null>;
  /** Without what was logged to it: cheap however much that is. */
  info(runId: string): Promise<RunInfo | null>;
  /** In the order of the ids. Throws `PRN_RUN_NOT_FOUND`. */
  many(runIds: readonly string[]): Promise<Run[]>;
  /** Throws `PRN_RUN_PAGE_INVALID` for a token of another search. */
  search(search: RunSearch): Promise<{ readonly runs: readonly Run[]; readonly next: string | null }>;

  /**
   * Changes of name and lifecycle are anybody's; a status is its writer's (`epoch`, null of who holds nothing). A status
   * that ends the run gives it back. Throws `PRN_RUN_NOT_FOUND`, `PRN_RUN_STALE_WRITER`, `PRN_RUN_DELETED`.
   */
  update(runId: string, changes: RunChanges, epoch: number | null): Promise<RunInfo>;
  /**
   * All of it or nothing. Points that are there already are left out; a parameter may only be repeated with its value.
   * Tags are anybody's, the rest is the writer's. Throws `PRN_RUN_NOT_FOUND`, `PRN_RUN_STALE_WRITER`,
   * `PRN_RUN_DELETED`, `PRN_RUN_PARAM_CHANGED`, `PRN_RUN_FULL`.
   */
  log(runId: string, batch: RunBatch, epoch: number | null): Promise<RunInfo>;

  /** Points of a key in the order of arrival, from behind `after` on. */
  history(runId: string, key: string, page: HistoryPage): Promise<MetricPoint[]>;
  /** Points of all keys in the order of arrival, from behind `after` on. */
  points(runId: string, page: HistoryPage): Promise<MetricPoint[]>;

  /**
   * Makes `owner` the writer: with `epoch` by renewing what it holds (`PRN_RUN_STALE_WRITER` if it does not), else by
   * taking over: from anybody with `force`, otherwise only where nobody holds the run or its time is over, and for an
   * actor never from the installation (`PRN_RUN_HELD`). A run that ended runs again. Throws `PRN_RUN_NOT_FOUND`, `PRN_RUN_DELETED`.
   */
  hold(runId: string, hold: HoldRequest): Promise<HeldRun>;
  /** Ends a run and its open nested runs, whoever holds them; one that has ended stays as it is. */
  close(runId: string, end: { readonly status: RunStatus; readonly cause: string | null }): Promise<void>;
}

/** A lease, and where the one who has it goes on. */
export interface HeldRun extends RunWriter {
  /** The latest point of each metric, by key. */
  readonly metrics: readonly Metric[];
}

export interface HistoryPage {
  /** Sequence number of the last point of the page before; 0 for the first. */
  readonly after: number;
  readonly limit: number;
}

export interface HoldRequest {
  readonly owner: string;
  /** Of a lease over the API: who asks. Left out by the installation itself, and by whoever renews. */
  readonly actor?: string;
  /** How long without another sign of life, microseconds. Every write of the holder prolongs by as much. */
  readonly forMicros: number;
  readonly epoch?: number;
  readonly force?: boolean;
}
