/** What every job is given: engines, and the ways to say how far it is and to hear that it should stop. */
import type { ArtifactStore } from '../../store/contracts/artifacts.js';
import type { ShardTeams } from '../../ml/training/gbdt/team.js';
import type { CollectionReader } from '../../store/contracts/collections.js';
import type { TableEngine } from '../../store/contracts/tables.js';

/** A sign of life. Long jobs send one at least every few seconds, or the pool takes them for hung. */
export interface JobProgress {
  readonly message: string;
  /** To be found in the log of the worker as well. */
  readonly warning?: boolean;
  /** Small plain JSON from which another attempt can go on; whatever it refers to is stored already. */
  readonly checkpoint?: unknown;
  /** Values to show while the job runs, by name; kept with the run, and only together with `step`. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** Of the metrics: an iteration, which only grows. */
  readonly step?: number;
}

export interface JobContext {
  readonly tables: TableEngine;
  readonly artifacts: ArtifactStore;
  /** Absent where no database is at hand. */
  readonly collections?: CollectionReader;
  /** Threads that help to train; the job's own does all where there are none. What comes out is the same. */
  readonly boosting?: ShardTeams;
  readonly progress: (progress: JobProgress) => void;
  /** Aborted when the job is cancelled: stop at the next safe point and throw its reason. */
  readonly signal: AbortSignal;
  /** The last checkpoint of an earlier attempt at the same job; undefined at the first. Validate it before use. */
  readonly resumeFrom?: unknown;
}
