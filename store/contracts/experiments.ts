/** Experiments: named groups of runs. */
import type { Experiment, KeyValue, LifecycleStage } from '../../domain/tracking.js';

export interface ExperimentPage {
  /** Null: both. */
  readonly lifecycle: LifecycleStage | null;
  /** Id of the last experiment of the page before. */
  readonly after: string | null;
  readonly limit: number;
}

export interface ExperimentStore {
  /** Names are unique, those of deleted experiments included. Throws `PRN_EXPERIMENT_EXISTS`. */
  create(experiment: { readonly name: string; readonly tags: readonly KeyValue[] }): Promise<Experiment>;
  /** The experiment of this name, made if there is none. */
  ensure(name: string): Promise<Experiment>;
  get(experimentId: string): Promise<Experiment | null>;
  byName(name: string): Promise<Experiment | null>;
  /** Newest first. Throws `PRN_RUN_PAGE_INVALID` for an id of no experiment. */
  list(page: ExperimentPage): Promise<Experiment[]>;
  /**
   * Renames, sets and removes (null) tags, deletes or restores. Throws `PRN_EXPERIMENT_NOT_FOUND`,
   * `PRN_EXPERIMENT_EXISTS` and, where tags come to too many of them, `PRN_EXPERIMENT_FULL`.
   */
  update(
    experimentId: string,
    changes: {
      readonly name?: string | undefined;
      readonly lifecycle?: LifecycleStage | undefined;
      readonly tags?: readonly TagChange[] | undefined;
    },
  ): Promise<Experiment>;
}

/** A tag that is set, or removed where the value is null. */
export interface TagChange {
  readonly key: string;
  readonly value: string | null;
}
