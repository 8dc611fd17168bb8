/**
 * Online rows as they count now. A row that has not happened or is not known yet by this clock (`servingDelay`) must not
 * hide the row before it, which only history still has.
 */
import type { FrozenView } from '../domain/bundle.js';
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
      const early = [...reading.rows.values()].filter(({ eventTs, knownTs }) => eventTs > now || knownTs > now);
      if (early.length === 0) return reading;
      const before = await history.readBefore({ view, newest: early, asOf: now });
      const visible = new Map(reading.rows);
      for (const { key } of early) visible.delete(key);
      return { ...reading, rows: new Map([...visible, ...before]) };
    },
  };
}
