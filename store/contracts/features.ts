/** Materialised feature rows: chunks of history, pushed rows, and the newest row of each entity for online reads. */
import type { FeatureValue } from '../../domain/feature-view.js';
import type { MaterializationChunk, MaterializationState, NewChunk } from '../../domain/materialization.js';
import type { PlacedRow, PushedRow } from '../../domain/row-push.js';

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
  /** By which revision of the view a stored row was computed; absent where that is not known, as in history. */
  readonly viewRevision?: number;
}

/** Rows pushed by one call. */
export interface RowPush {
  readonly view: string;
  /** Chosen by the caller or minted; the same again is the same push. */
  readonly pushId: string;
  /** Numbers the pushes of a view without gaps that a reader could miss. */
  readonly number: number;
  /** Revision of the view by which the rows were taken; 0 where it was not recorded. */
  readonly viewRevision: number;
  /** When the platform took the rows in, microseconds. */
  readonly receivedTs: number;
  readonly online: boolean;
  /** Of the rows: tells a repetition from another push under the same id. */
  readonly digest: string;
  readonly rows: readonly PushedRow[];
}

/** Which rows of kept pushes count. */
export interface AskedPushes {
  /** Parts of each key, in the order of the entity's keys. */
  readonly keys: readonly (readonly (string | number)[])[];
  /** Only pushes with a greater number. */
  readonly after: number;
  /** Not what was pushed to a later revision of the view. */
  readonly viewRevision: number;
  /** Last event time, microseconds. */
  readonly happenedBy: number;
  /** Last time at which rows were taken in, microseconds. */
  readonly receivedBy: number;
}

export interface FeatureStore {
  /** How far the view is complete; null before its first run ended. */
  state(view: string): Promise<MaterializationState | null>;
  /** Advances the state, never back: see `laterState`. */
  advance(state: MaterializationState): Promise<void>;
  /** Records a verified chunk, once per `chunkId`; the chunk gets the next `seq`. */
  commitChunk(chunk: NewChunk): Promise<MaterializationChunk>;
  /** Chunks in order of `seq`, of one view revision. */
  chunks(view: string, viewRevision: number): Promise<MaterializationChunk[]>;

  /**
   * Guarded upsert: the greatest `(generation, eventTs, knownTs, seq)` wins, whatever the order, size and number of
   * writes. Without a generation rows compete among the oldest.
   */
  upsertOnline(view: string, rows: readonly OnlineRow[], generation?: number): Promise<void>;
  /** Rows by key; unknown keys are absent from the map. `features` limits what their values hold. */
  readOnline(
    view: string,
    keys: readonly string[],
    features?: readonly string[],
  ): Promise<ReadonlyMap<string, OnlineRow>>;
  /** Takes rows of earlier generations offline. */
  retireOnline(view: string, generation: number): Promise<void>;

  /**
   * Keeps pushed rows for history, once per `pushId`; returns the push as it stands. A push for online only is numbered
   * and not kept.
   */
  savePush(push: Omit<RowPush, 'number'>, keep: boolean): Promise<RowPush>;
  /** Kept pushes in order of their numbers. */
  pushes(view: string, read: { readonly after: number; readonly limit: number }): Promise<RowPush[]>;
  /** Of the rows in kept pushes the newest of each asked key: the greatest by (event, received, push, index). */
  newestPushed(view: string, asked: AskedPushes): Promise<PlacedRow[]>;
}

/** Text of an entity key: values in the order of the entity's keys, unambiguous for any content. */
export function onlineKey(values: readonly (string | number)[]): string {
  return JSON.stringify(values);
}
