/**
 * The prediction log of one process: rows are gathered in columns and written in buckets. It never blocks an answer and
 * never grows without bound: a full log drops new rows and counts them.
 */
import type { PredictionBucket } from '../domain/prediction.js';
import type { PredictionStore } from '../store/contracts/predictions.js';
import { type LoggedRows, PredictionColumns } from './prediction-columns.js';

/** Holds the watermark back from the moment a request is answered until its rows are in the log. */
export interface Reservation {
  readonly endpoint: string;
  /** Lowest event time of the request, microseconds. */
  readonly eventTs: number;
}

/** Rows since the process started, except `queued` (not yet written) and `failed` (attempts to write, not rows). */
export interface LogCounters {
  readonly logged: number;
  readonly dropped: number;
  readonly failed: number;
  readonly queued: number;
}

export interface PredictionLog {
  reserve(endpoint: string, eventTs: number): Reservation;
  append(reservation: Reservation, rows: LoggedRows): void;
  /** Endpoint → lowest event time that is answered and not yet written. */
  unflushed(): Record<string, number>;
  counters(): LogCounters;
  /** Waits for open reservations, writes what is there, and gives up what cannot be written in time (counted as dropped). */
  close(): Promise<void>;
}

export interface PredictionLogOptions {
  readonly store: Pick<PredictionStore, 'insertBuckets'>;
  readonly instanceId: string;
  /** Wall time in microseconds. */
  readonly now: () => number;
  readonly maxQueuedRows?: number;
  readonly flushMs?: number;
  readonly retryMs?: number;
  /** How long `close` waits. */
  readonly closeTimeoutMs?: number;
}

const MAX_IN_FLIGHT = 2;
/** Buckets of one write; with the rows of a bucket this bounds the bytes of one message. */
const BATCH_BUCKETS = 8;
const MAX_QUEUED_ROWS = 50_000;
const CLOSE_POLL_MS = 10;

export function openPredictionLog(options: PredictionLogOptions): PredictionLog {
  const { store, instanceId, now, maxQueuedRows = MAX_QUEUED_ROWS } = options;
  const { flushMs = 200, retryMs = 500, closeTimeoutMs = 8_000 } = options;
  const reserved = new Set<Reservation>();
  const open = new Map<string, PredictionColumns>();
  const queue: PredictionBucket[] = [];
  const inFlight = new Set<readonly PredictionBucket[]>();
  const counts = { logged: 0, dropped: 0, failed: 0 };
  let queuedRows = 0;
  let bucketCount = 0;
  let closing = false;
  let timer: NodeJS.Timeout | null = null;

  const seal = (key: string, columns: PredictionColumns): void => {
    open.delete(key);
    queue.push(columns.seal({ bucketId: `${instanceId}-${(bucketCount += 1)}`, instanceId, loggedTs: now() }));
  };
  const sealAll = (): void => {
    for (const [key, columns] of open) seal(key, columns);
    startWrites();
  };
  const startWrites = (): void => {
    while (inFlight.size < MAX_IN_FLIGHT && queue.length > 0) void write(queue.splice(0, BATCH_BUCKETS));
  };
  /** A failed write is repeated while the process lives: its rows stay counted as queued, so memory stays bounded. */
  const write = async (batch: readonly PredictionBucket[]): Promise<void> => {
    const rows = rowsOf(batch);
    inFlight.add(batch);
    while (inFlight.has(batch)) {
      try {
        await store.insertBuckets(batch);
        if (inFlight.delete(batch)) counts.logged += rows;
      } catch {
        counts.failed += 1;
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
    queuedRows -= rows;
    startWrites();
  };
  const keep = (rows: LoggedRows): void => {
    const key = `${rows.endpoint}/${rows.routeRev}`;
    for (let from = 0; from < rows.predictionIds.length;) {
      const standing = open.get(key);
      const fitting = standing?.fits(rows) === true ? standing : null;
      if (standing !== undefined && fitting === null) seal(key, standing);
      const columns = fitting ?? new PredictionColumns(rows);
      open.set(key, columns);
      from += columns.take(rows, from);
      if (columns.isFull) seal(key, columns);
    }
    if (queue.length > 0) startWrites();
    if (closing) sealAll();
    else if (open.size > 0 && timer === null) startTimer();
  };
  const startTimer = (): void => {
    timer = setTimeout(() => {
      timer = null;
      sealAll();
    }, flushMs);
  };

  return {
    reserve(endpoint, eventTs) {
      const reservation = { endpoint, eventTs };
      reserved.add(reservation);
      return reservation;
    },
    append(reservation, rows) {
      reserved.delete(reservation);
      const count = rows.predictionIds.length;
      if (queuedRows + count > maxQueuedRows) {
        counts.dropped += count;
        return;
      }
      queuedRows += count;
      keep(rows);
    },
    unflushed() {
      const lowest: Record<string, number> = {};
      const hold = (endpoint: string, eventTs: number): void => {
        lowest[endpoint] = Math.min(lowest[endpoint] ?? eventTs, eventTs);
      };
      for (const { endpoint, eventTs } of reserved) hold(endpoint, eventTs);
      for (const { endpoint, minEventTs } of open.values()) hold(endpoint, minEventTs);
      for (const { endpoint, minEventTs } of [...queue, ...[...inFlight].flat()]) hold(endpoint, minEventTs);
      return lowest;
    },
    counters: () => ({ ...counts, queued: queuedRows }),
    async close() {
      closing = true;
      if (timer !== null) clearTimeout(timer);
      sealAll();
      const deadlineMs = performance.now() + closeTimeoutMs;
      const isBusy = (): boolean => reserved.size + open.size + queue.length + inFlight.size > 0;
      while (isBusy() && performance.now() < deadlineMs)
        await new Promise((resolve) => setTimeout(resolve, CLOSE_POLL_MS));
      counts.dropped += rowsOf([...queue.splice(0), ...[...inFlight].flat()]);
      inFlight.clear();
    },
  };
}

function rowsOf(buckets: readonly PredictionBucket[]): number {
  return buckets.reduce((sum, { predictionIds }) => sum + predictionIds.length, 0);
}
