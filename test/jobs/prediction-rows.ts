/** Builds prediction buckets from rows, as serving writes them. */
import type { PredictionBucket } from '../../domain/prediction.js';
import { micros } from '../../domain/time.js';

export interface LoggedRow {
  readonly id: string;
  readonly eventTs: number;
  readonly version: number;
  readonly probability: number;
  readonly decision?: 0 | 1;
  readonly latencyMs?: number;
  readonly error?: 0 | 1;
  /** Version → probability it gave in shadow. */
  readonly shadow?: Readonly<Record<string, number>>;
  readonly inputs?: Readonly<Record<string, number>>;
  readonly texts?: Readonly<Record<string, string>>;
}

export function bucketOf(
  rows: readonly LoggedRow[],
  about: { readonly routeRev: number; readonly loggedTs?: number },
): PredictionBucket {
  const times = rows.map(({ eventTs }) => eventTs);
  const names = (pick: (row: LoggedRow) => Readonly<Record<string, number>> | undefined): string[] => [
    ...new Set(rows.flatMap((row) => Object.keys(pick(row) ?? {}))),
  ];
  const columns = (pick: (row: LoggedRow) => Readonly<Record<string, number>> | undefined) =>
    Object.fromEntries(
      names(pick).map((name) => [name, Float32Array.from(rows, (row) => pick(row)?.[name] ?? Number.NaN)]),
    );
  return {
    bucketId: `bucket-${rows[0]?.id ?? 'empty'}-${about.routeRev}`,
    endpoint: 'flight-delay',
    model: 'flight-delay',
    instanceId: 'serving-1',
    routeRev: about.routeRev,
    minEventTs: micros(Math.min(...times)),
    maxEventTs: micros(Math.max(...times)),
    loggedTs: micros(about.loggedTs ?? Math.max(...times)),
    predictionIds: rows.map(({ id }) => id),
    eventTs: Float64Array.from(times),
    version: Int32Array.from(rows, ({ version }) => version),
    task: 'binary',
    classes: [],
    scores: Float32Array.from(rows, ({ probability }) => probability),
    decision: Uint16Array.from(rows, (row) => row.decision ?? (row.probability >= 0.5 ? 1 : 0)),
    latencyMs: Float32Array.from(rows, ({ latencyMs }) => latencyMs ?? 1),
    error: Uint8Array.from(rows, ({ error }) => error ?? 0),
    shadow: columns(({ shadow }) => shadow),
    inputs: columns(({ inputs }) => inputs),
    texts: Object.fromEntries(
      [...new Set(rows.flatMap(({ texts }) => Object.keys(texts ?? {})))].map((name) => [
        name,
        rows.map(({ texts }) => texts?.[name] ?? ''),
      ]),
    ),
  };
}
