/** Materialised feature rows: chunks of history, and the newest row of each entity for online reads. */
import type { FeatureValue, MaterializationChunk } from '../../domain/feature-view.js';

/** A feature row as the online store keeps it. `key` is the canonical key text of the entity. */
export interface OnlineRow {
  readonly key: string;
  readonly values: Readonly<Record<string, FeatureValue>>;
  readonly eventTs: number;
  readonly knownTs: number;
  /** Of the row, below 2⁵³: see `FIRST_ROW_OF_COMMIT` in `ml/features/feature-row-sql.ts`. */
  readonly seq: number;
  /** From its event time on the entity reads as missing; values are empty. */
  readonly deleted: boolean;
}

export interface MaterializationState {
  readonly view: string;
  readonly viewRevision: number;
  /** Last cut for which rows exist (inclusive), microseconds. */
  readonly throughCut: number;
  /** Commit of the dataset that the last chunk read. */
  readonly commitSeq: number;
  readonly seq: number;
}

export interface FeatureStore {
  state(view: string): Promise<MaterializationState | null>;
  /** Records a verified chunk and advances the state, once per `chunkId`; the chunk gets the next `seq`. */
  commitChunk(chunk: Omit<MaterializationChunk, 'seq'>): Promise<MaterializationChunk>;
  /** Chunks in order of `seq`, of one view revision. */
  chunks(view: string, viewRevision: number): Promise<MaterializationChunk[]>;
  /** Guarded upsert: the greatest `(eventTs, knownTs, seq)` wins, whatever the order of writes. */
  upsertOnline(view: string, rows: readonly OnlineRow[]): Promise<void>;
  /** Rows by key; unknown keys are absent from the map. `features` limits what their values hold. */
  readOnline(
    view: string,
    keys: readonly string[],
    features?: readonly string[],
  ): Promise<ReadonlyMap<string, OnlineRow>>;
}

/** Text of an entity key: values in the order of the entity's keys, unambiguous for any content. */
export function onlineKey(values: readonly (string | number)[]): string {
  return JSON.stringify(values);
}
