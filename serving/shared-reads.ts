/**
 * Reads of online rows that come while others of the same view run are put together into one. Under load MongoDB is thus
 * asked for much at once in place of often for little, which costs it and this process far less; a read that comes alone
 * is not delayed.
 */
import type { FeatureStore, OnlineRow } from '../store/contracts/features.js';

type OnlineStore = Pick<FeatureStore, 'readOnline'>;

interface Waiting {
  readonly keys: readonly string[];
  readonly features: readonly string[] | undefined;
  readonly resolve: (rows: ReadonlyMap<string, OnlineRow>) => void;
  readonly reject: (error: unknown) => void;
}

interface Lane {
  running: number;
  waiting: Waiting[];
}

/** Reads of one view at once; more wait and are put together. */
const MAX_RUNNING = 4;
/** A read is closed for more when it has so many keys. */
const ENOUGH_KEYS = 1_000;

export function shareReads(store: OnlineStore): OnlineStore {
  const lanes = new Map<string, Lane>();

  const pump = (view: string, lane: Lane): void => {
    while (lane.running < MAX_RUNNING && lane.waiting.length > 0) {
      const batch = takeBatch(lane);
      lane.running += 1;
      void readTogether(store, view, batch).finally(() => {
        lane.running -= 1;
        if (lane.running === 0 && lane.waiting.length === 0) lanes.delete(view);
        else pump(view, lane);
      });
    }
  };
  return {
    readOnline: (view, keys, features) =>
      new Promise((resolve, reject) => {
        const lane = lanes.get(view) ?? { running: 0, waiting: [] };
        lanes.set(view, lane);
        lane.waiting.push({ keys, features, resolve, reject });
        pump(view, lane);
      }),
  };
}

function takeBatch(lane: Lane): Waiting[] {
  let keys = 0;
  const enough = lane.waiting.findIndex((waiting) => (keys += waiting.keys.length) >= ENOUGH_KEYS);
  return lane.waiting.splice(0, enough < 0 ? lane.waiting.length : enough + 1);
}

/** Never rejects: every caller gets its rows or the error. */
async function readTogether(store: OnlineStore, view: string, batch: readonly Waiting[]): Promise<void> {
  const [first] = batch;
  try {
    if (first !== undefined && batch.length === 1)
      return first.resolve(await store.readOnline(view, first.keys, first.features));
    const keys = new Set(batch.flatMap((waiting) => waiting.keys));
    const rows = await store.readOnline(view, [...keys], featuresOf(batch));
    for (const { keys: own, resolve } of batch) resolve(rowsOf(rows, own));
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
}

/** Those of all together, or whole rows where one of them wants whole rows. */
function featuresOf(batch: readonly Waiting[]): string[] | undefined {
  const wanted = new Set<string>();
  for (const { features } of batch) {
    if (features === undefined) return undefined;
    for (const feature of features) wanted.add(feature);
  }
  return [...wanted];
}

function rowsOf(rows: ReadonlyMap<string, OnlineRow>, keys: readonly string[]): Map<string, OnlineRow> {
  const own = new Map<string, OnlineRow>();
  for (const key of keys) {
    const row = rows.get(key);
    if (row !== undefined) own.set(key, row);
  }
  return own;
}
