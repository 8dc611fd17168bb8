/**
 * The one way to online rows while a caller waits: straight from MongoDB, or through a cache of bounded staleness where
 * one is configured. That an entity has no row is remembered as well.
 */
import type { FeatureStore, OnlineRow } from '../store/contracts/features.js';
import type { ServingMetrics } from './metrics.js';
import { createRecentlyUsed } from './recently-used.js';
import type { StoreAccess } from './store-access.js';

export interface FeatureCacheOptions {
  /** How long a row that was read may be answered again; 0 reads every time. */
  readonly maxStaleMs: number;
  /** Rows kept at most; the ones asked for least recently go first. */
  readonly maxEntries: number;
}

export interface OnlineReading {
  readonly rows: ReadonlyMap<string, OnlineRow>;
  /** Age of the oldest reading among them, milliseconds. */
  readonly staleMs: number;
}

export interface FeatureReader {
  /** Rows by key; readings older than `maxStaleMs` are not used. Throws `PRN_UNAVAILABLE` when MongoDB must be asked and is away. */
  read(view: string, keys: readonly string[], options?: ReadingOptions): Promise<OnlineReading>;
}

export interface ReadingOptions {
  readonly maxStaleMs?: number | undefined;
  /** Features that are needed; all of them where it is left out. */
  readonly features?: readonly string[] | undefined;
}

export interface FeatureReaderDependencies {
  readonly store: Pick<FeatureStore, 'readOnline'>;
  readonly access: StoreAccess;
  readonly metrics: Pick<ServingMetrics, 'featureCacheReads'>;
  readonly cache: FeatureCacheOptions;
  /** A clock that only goes forward, milliseconds. */
  readonly elapsedMs: () => number;
}

interface Entry {
  readonly row: OnlineRow | null;
  readonly readMs: number;
}

export function createFeatureReader(dependencies: FeatureReaderDependencies): FeatureReader {
  const { store, access, cache } = dependencies;
  if (cache.maxStaleMs > 0) return { read: createCachedRead(dependencies) };
  return {
    read: async (view, keys, { features } = {}) => ({
      rows: await access.ask('The online feature store', () => store.readOnline(view, keys, features)),
      staleMs: 0,
    }),
  };
}

function createCachedRead({
  store,
  access,
  metrics,
  cache,
  elapsedMs,
}: FeatureReaderDependencies): FeatureReader['read'] {
  const entries = createRecentlyUsed<Entry>(cache.maxEntries);
  return async (view, keys, { maxStaleMs = cache.maxStaleMs } = {}) => {
    const startedMs = elapsedMs();
    const earliestMs = startedMs - Math.min(maxStaleMs, cache.maxStaleMs);
    const rows = new Map<string, OnlineRow>();
    const unread: string[] = [];
    let oldestMs = startedMs;
    for (const key of keys) {
      const entry = entries.get(`${view}/${key}`);
      if (entry === undefined || entry.readMs < earliestMs || maxStaleMs === 0) {
        unread.push(key);
        continue;
      }
      oldestMs = Math.min(oldestMs, entry.readMs);
      if (entry.row !== null) rows.set(key, entry.row);
    }
    metrics.featureCacheReads.inc({ result: 'hit' }, keys.length - unread.length);
    metrics.featureCacheReads.inc({ result: 'miss' }, unread.length);
    if (unread.length === 0) return { rows, staleMs: startedMs - oldestMs };
    // Whole rows: another request may want other features of them.
    const found = await access.ask('The online feature store', () => store.readOnline(view, unread));
    for (const key of unread) {
      const row = found.get(key) ?? null;
      // The reading counts from before it was asked for: the row may have changed since.
      entries.set(`${view}/${key}`, { row, readMs: startedMs });
      if (row !== null) rows.set(key, row);
    }
    return { rows, staleMs: startedMs - oldestMs };
  };
}
