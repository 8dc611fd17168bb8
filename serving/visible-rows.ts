/**
 * Online rows as they count now. A row that has not happened or is not known yet by this clock (`servingDelay`) must not
 * hide the row before it, which only history still has. Nor must a row of a later revision of the view, which may compute
 * something else under the same name, reach a model version that was trained on an earlier one.
 */
import type { FrozenView } from '../domain/bundle.js';
import type { OnlineRow } from '../store/contracts/features.js';
import type { FeatureReader, OnlineReading } from './feature-reader.js';
import type { HistoryReader } from './history-reader.js';

export interface VisibleRows {
  /** Rows by key. Throws `PRN_UNAVAILABLE` when MongoDB must be asked and is away. */
  read(asked: AskedRows): Promise<OnlineReading>;
}

export interface AskedRows {
  readonly view: FrozenView;
  /** Canonical key texts, see `onlineKey`; each once. */
  readonly keys: readonly string[];
  /** Wall time, microseconds. */
  readonly now: number;
  /** Whole rows are cheaper to read than most of their features. */
  readonly whole?: boolean;
  readonly maxStaleMs?: number | undefined;
}

export function createVisibleRows(features: FeatureReader, history: HistoryReader): VisibleRows {
  return {
    async read({ view, keys, now, whole = false, maxStaleMs }) {
      const reading = await features.read(view.view, keys, {
        maxStaleMs,
        features: whole ? undefined : view.features,
      });
      const hidden = [...reading.rows.values()].filter((row) => !counts(row, view, now));
      if (hidden.length === 0) return reading;
      const before = await history.readBefore({ view, newest: hidden, asOf: now });
      const visible = new Map(reading.rows);
      for (const { key } of hidden) visible.delete(key);
      return { ...reading, rows: new Map([...visible, ...before]) };
    },
  };
}

/** Rows of an earlier revision still count: they stay until the next one is complete. */
function counts({ eventTs, knownTs, viewRevision = 0 }: OnlineRow, view: FrozenView, now: number): boolean {
  return eventTs <= now && knownTs <= now && viewRevision <= view.revision;
}
