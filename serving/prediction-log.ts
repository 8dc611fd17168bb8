/**
 * The prediction log of one process: rows are gathered in columns and written in buckets. It never blocks an answer and
 * never grows without bound: a full log drops new rows and counts them.
 */
import type { PredictionBucket } from '../domain/prediction.js';
import { micros } from '../domain/time.js';
import type { PredictionStore } from '../store/contracts/predictions.js';

/** Rows of one request, columns aligned. */
export interface LoggedRows {
  readonly endpoint: string;
  readonly model: string;
  readonly routeRev: number;
  readonly predictionIds: readonly string[];
  readonly eventTs: Float64Array;
  readonly version: Int32Array;
  readonly probability: Float32Array;
  readonly decision: Uint8Array;
  readonly latencyMs: Float32Array;
  readonly error: Uint8Array;
  readonly shadow: Readonly<Record<string, Float32Array>>;
  readonly inputs: Readonly<Record<string, Float32Array>>;
}

/** Holds the watermark back from the moment a request is answered until its rows are written. */
export interface Reservation {
  readonly endpoint: string;
  readonly eventTs: number;
}

export interface PredictionLog {
  reserve(endpoint: string, eventTs: number): Reservation;
  append(reservation: Reservation, rows: LoggedRows): void;
  /** Endpoint → lowest event time that is answered and not yet written. */
  unflushed(): Record<string, number>;
  counters(): { logged: number; dropped: number; failed: number; queued: number };
  /** Writes what is there; resolves when it is written or given up. */
  close(): Promise<void>;
}

const FLUSH_ROWS = 500;
const FLUSH_MS = 200;
const RETRY_MS = 500;
const MAX_IN_FLIGHT = 2;
export const MAX_QUEUED_ROWS = 50_000;

interface Entry {
  readonly reservation: Reservation;
  readonly rows: LoggedRows;
}

export function openPredictionLog(options: {
  store: PredictionStore;
  instanceId: string;
  now: () => number;
  maxQueuedRows?: number;
}): PredictionLog {
  const { store, instanceId, now, maxQueuedRows = MAX_QUEUED_ROWS } = options;
  const reserved = new Set<Reservation>();
  const counts = { logged: 0, dropped: 0, failed: 0 };
  let queue: Entry[] = [];
  let queuedRows = 0;
  let inFlight = 0;
  let bucketCount = 0;
  let closing = false;
  let timer: NodeJS.Timeout | null = null;
  let idle: (() => void) | null = null;

  const schedule = (delayMs: number): void => {
    timer ??= setTimeout(() => {
      timer = null;
      void flush();
    }, delayMs);
  };
  const flush = async (): Promise<void> => {
    if (inFlight >= MAX_IN_FLIGHT || queue.length === 0) return;
    const entries = queue;
    queue = [];
    inFlight += 1;
    const buckets = groupEntries(entries).map((group) =>
      makeBucket(group, { bucketId: `${instanceId}-${(bucketCount += 1)}`, instanceId, loggedTs: now() }),
    );
    await write(buckets);
    inFlight -= 1;
    for (const { reservation } of entries) reserved.delete(reservation);
    if (queue.length > 0) schedule(0);
    else if (inFlight === 0) idle?.();
  };
  /** A failed write is repeated while the process lives: the rows stay counted as queued, so memory stays bounded. */
  const write = async (buckets: readonly PredictionBucket[]): Promise<void> => {
    const rows = buckets.reduce((sum, bucket) => sum + bucket.predictionIds.length, 0);
    for (;;) {
      try {
        await store.insertBuckets(buckets);
        counts.logged += rows;
        break;
      } catch {
        counts.failed += 1;
        if (closing) break;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    queuedRows -= rows;
  };

  return {
    reserve(endpoint, eventTs) {
      const reservation = { endpoint, eventTs };
      reserved.add(reservation);
      return reservation;
    },
    append(reservation, rows) {
      const count = rows.predictionIds.length;
      if (queuedRows + count > maxQueuedRows) {
        counts.dropped += count;
        reserved.delete(reservation);
        return;
      }
      queue.push({ reservation, rows });
      queuedRows += count;
      if (queuedRows >= FLUSH_ROWS) void flush();
      else schedule(FLUSH_MS);
    },
    unflushed() {
      const lowest: Record<string, number> = {};
      for (const { endpoint, eventTs } of reserved) lowest[endpoint] = Math.min(lowest[endpoint] ?? eventTs, eventTs);
      return lowest;
    },
    counters: () => ({ ...counts, queued: queuedRows }),
    async close() {
      closing = true;
      if (timer !== null) clearTimeout(timer);
      if (queue.length === 0 && inFlight === 0) return;
      const drained = new Promise<void>((resolve) => (idle = resolve));
      void flush();
      await drained;
    },
  };
}

/** One bucket holds rows of one endpoint under one route revision. */
function groupEntries(entries: readonly Entry[]): LoggedRows[][] {
  const groups = new Map<string, LoggedRows[]>();
  for (const { rows } of entries) {
    const key = `${rows.endpoint}/${rows.routeRev}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [rows]);
    else group.push(rows);
  }
  return [...groups.values()];
}

function makeBucket(
  group: readonly LoggedRows[],
  facts: { bucketId: string; instanceId: string; loggedTs: number },
): PredictionBucket {
  const [first] = group;
  const eventTs = Float64Array.from(group.flatMap((rows) => [...rows.eventTs]));
  const names = (pick: (rows: LoggedRows) => Readonly<Record<string, Float32Array>>): string[] => [
    ...new Set(group.flatMap((rows) => Object.keys(pick(rows)))),
  ];
  const joinFloats = (pick: (rows: LoggedRows) => Float32Array | undefined): Float32Array =>
    Float32Array.from(
      group.flatMap((rows) => [...(pick(rows) ?? new Float32Array(rows.eventTs.length).fill(Number.NaN))]),
    );
  return {
    bucketId: facts.bucketId,
    endpoint: first?.endpoint ?? '',
    model: first?.model ?? '',
    instanceId: facts.instanceId,
    routeRev: first?.routeRev ?? 0,
    minEventTs: micros(eventTs.reduce((least, time) => Math.min(least, time), Number.MAX_SAFE_INTEGER)),
    maxEventTs: micros(eventTs.reduce((greatest, time) => Math.max(greatest, time), Number.MIN_SAFE_INTEGER)),
    loggedTs: micros(facts.loggedTs),
    predictionIds: group.flatMap(({ predictionIds }) => predictionIds),
    eventTs,
    version: Int32Array.from(group.flatMap((rows) => [...rows.version])),
    probability: joinFloats((rows) => rows.probability),
    decision: Uint8Array.from(group.flatMap((rows) => [...rows.decision])),
    latencyMs: joinFloats((rows) => rows.latencyMs),
    error: Uint8Array.from(group.flatMap((rows) => [...rows.error])),
    shadow: Object.fromEntries(
      names((rows) => rows.shadow).map((version) => [version, joinFloats((rows) => rows.shadow[version])]),
    ),
    inputs: Object.fromEntries(
      names((rows) => rows.inputs).map((name) => [name, joinFloats((rows) => rows.inputs[name])]),
    ),
  };
}
