/** The flights example on real stores: ingested and with both views materialised. */
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { createDatasetActivities, createDatasetComputeActivities } from '../../activities/dataset.js';
import { createFeatureActivities, createFeatureComputeActivities } from '../../activities/features.js';
import { createTrainingActivities } from '../../activities/training.js';
import type { ArtifactRef } from '../../domain/artifact.js';
import { MICROS_PER_DAY, parseIso } from '../../domain/time.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import { type ComputeBench, NOW, openComputeBench } from './compute-fixture.js';

const RESOURCES = new URL('../../examples/flights/resources/', import.meta.url);
/** History: 1 January to 1 March 2001, 200 flights a day between three airports. */
const FIRST = parseIso('2001-01-01T00:00:00Z');
const DAYS = 59;
const FLIGHTS = DAYS * 200;
const AS_OF = parseIso('2001-03-01T12:00:00Z');

export async function openFlightsBench(): Promise<ComputeBench> {
  const bench = await openComputeBench();
  for (const file of ['data.yaml', 'model.yaml']) {
    const documents = parseAllDocuments(readFileSync(new URL(file, RESOURCES), 'utf8'));
    for (const document of documents) await bench.apply(document.toJS());
  }
  await ingest(bench, await writeFlights(bench));
  for (const view of ['origin-traffic', 'destination-traffic']) await materialize(bench, view);
  return bench;
}

/** Late more often in the evening, on long legs, and out of "ORD". */
async function writeFlights(bench: ComputeBench): Promise<string> {
  const path = `${bench.jobs.folder}/flights.parquet`;
  await bench.jobs.context.tables.use((session) =>
    session.execute(`copy (
      with drawn as (
        select i, ${FIRST} + i * ${(DAYS * MICROS_PER_DAY) / FLIGHTS} as ts, (hash(i * 7 + 1) % 3)::bigint as airport,
          (hash(i * 3) % 2500)::real as distance, (hash(i * 13 + 5) % 1000) / 1000.0 as chance
        from range(${FLIGHTS}) t(i)),
      rated as (select *, 0.1 + (case when (ts // 3600000000) % 24 >= 16 then 0.3 else 0 end)
        + (case when distance > 1500 then 0.2 else 0 end) + (case when airport = 0 then 0.2 else 0 end) as rate from drawn)
      select make_timestamp(ts::bigint) as date, (case when chance < rate then 40 else -3 end)::real as delay, distance,
        ['ORD', 'DEN', 'SEA'][airport + 1] as origin, ['ORD', 'DEN', 'SEA'][(airport + 1) % 3 + 1] as destination
      from rated order by i
    ) to '${path}' (format parquet)`),
  );
  return path;
}

async function ingest({ stores, runJob, jobs }: ComputeBench, sourceUri: string): Promise<void> {
  const about = { ingestionId: 'i1', dataset: 'flights' };
  const compute = createDatasetComputeActivities({ stores, runJob, sourceFolders: [jobs.folder] });
  const prepared = await compute.prepareSegment({ ...about, sourceUri });
  if (prepared.outcome !== 'accepted') throw new Error(JSON.stringify(prepared));
  const { segment, revision } = prepared;
  const activities = createDatasetActivities({
    stores,
    workflows: { ingestDataset: () => Promise.resolve(), materializeFeatures: () => Promise.resolve() },
    now: () => NOW,
    sha256Hex: String,
  });
  await activities.commitDatasetVersion({ ...about, revision, segment, actor: 'test' });
}

async function materialize({ stores, runJob, jobs }: ComputeBench, view: string): Promise<void> {
  const { tables } = jobs.context;
  const io = createFeatureActivities({ stores, tables, sha256Hex, now: () => NOW, heartbeat: () => undefined });
  const { materializeChunk, gatherPublication } = createFeatureComputeActivities({ stores, runJob });
  const at = await io.pinMaterialization({ view, through: AS_OF });
  const { chunks } = await io.planMaterialization({ at, limit: 100 });
  for (const chunk of chunks) await io.commitChunk({ chunk: await materializeChunk({ at, chunk }) });
  const publication = await gatherPublication({ at });
  if (publication !== null) await io.publishRows({ at, publication, fromRow: 0, toRow: publication.rows });
  await io.finishMaterialization({ at, publication });
}

/** The snapshot of a training as of the end of history. */
export async function snapshotFlights({ stores, jobs }: ComputeBench): Promise<ArtifactRef> {
  const { snapshotInputs } = createTrainingActivities({
    stores,
    tables: jobs.context.tables,
    now: () => NOW,
    sha256Hex: String,
  });
  const input = { pipelineId: 'p1', model: 'flight-delay', asOf: AS_OF };
  return (await snapshotInputs(input)).snapshot;
}
