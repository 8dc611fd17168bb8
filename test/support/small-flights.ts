/** A small world for tests of whole processes: 59 days of 200 made-up flights, and the resources of the flights example. */
import { readFileSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';
import { parseAllDocuments } from 'yaml';
import { addMicros, MICROS_PER_DAY, parseIso, toIso } from '../../domain/time.js';

export const FIRST_DAY = parseIso('2001-01-01T00:00:00Z');
export const DAYS = 59;
export const FLIGHTS = DAYS * 200;
/** Every label of the 59 days is known then. */
export const AS_OF = toIso(parseIso('2001-03-01T12:00:00Z'));
export const LAST_CUT = '2001-03-01T06:00:00Z';

/** So many days before that: another holdout, since one holdout promotes one version only. */
export function asOfBefore(days: number): string {
  return toIso(addMicros(parseIso(AS_OF), -days * MICROS_PER_DAY));
}

/** Writes the flights as Parquet: late more often in the evening, on long legs, and out of ORD. */
export async function writeSmallFlights(path: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    await connection.run(`copy (
      with drawn as (
        select i, ${FIRST_DAY} + i * ${(DAYS * MICROS_PER_DAY) / FLIGHTS} as ts, (hash(i * 7 + 1) % 3)::bigint as airport,
          (hash(i * 3) % 2500)::bigint as distance, (hash(i * 13 + 5) % 1000) / 1000.0 as chance
        from range(${FLIGHTS}) t(i)),
      rated as (select *, 0.1 + (case when (ts // 3600000000) % 24 >= 16 then 0.3 else 0 end)
        + (case when distance > 1500 then 0.2 else 0 end) + (case when airport = 0 then 0.2 else 0 end) as rate from drawn)
      select make_timestamp(ts::bigint) as date, (case when chance < rate then 40 else -3 end)::bigint as delay, distance,
        ['ORD', 'DEN', 'SEA'][airport + 1] as origin, ['ORD', 'DEN', 'SEA'][(airport + 1) % 3 + 1] as destination
      from rated order by i
    ) to '${path}' (format parquet)`);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

type Document = { kind: string; spec: Record<string, unknown> };

/** The example's documents with parts of the model's spec replaced. */
export function smallResources(modelSpec: Record<string, unknown> = {}): Document[] {
  const folder = new URL('../../examples/flights/resources/', import.meta.url);
  const documents = ['data.yaml', 'model.yaml', 'monitors.yaml'].flatMap((name) =>
    parseAllDocuments(readFileSync(new URL(name, folder), 'utf8')).map((document) => document.toJS() as Document),
  );
  const small = { trainer: { kind: 'gbdt', parameters: { trees: 30, depth: 4 }, seed: 7 }, ...modelSpec };
  return documents.map((document) =>
    document.kind === 'Model' ? { ...document, spec: { ...document.spec, ...small } } : document,
  );
}
