/** The control plane, real engines, and workers that a test may restart: one dataset whose rows can go wrong. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createDatasetActivities, createDatasetComputeActivities } from '../../activities/dataset.js';
import { localSegments } from '../../activities/jobs/segments.js';
import { createQuarantineActivities } from '../../activities/quarantine.js';
import { segmentReferences } from '../../activities/segment-references.js';
import { DatasetSpec } from '../../domain/dataset.js';
import { workflowIds } from '../../domain/ids.js';
import type { QuarantineCase, QuarantineDecisionMessage } from '../../domain/quarantine.js';
import { datasetRelation, ROW } from '../../ml/features/dataset-sql.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import { openTableEngine } from '../../store/tables/engine.js';
import { createWorkflowPort } from '../../workers/ports/workflow-port.js';
import type { QuarantineStatus } from '../../workflows/messages.js';
import { runHere } from '../activities/compute-fixture.js';
import { type ApiWorld, openApiWorld } from '../support/api-world.js';
import { startWorkers, type TestWorkers } from '../support/workers.js';

export const HEADER = 'ts,origin,delay';
const PATIENCE_MS = 30_000;

export interface VisibleRow {
  readonly origin: string;
  readonly delay: number;
  readonly knownTs: number;
  readonly commitSeq: number;
}

export interface QuarantineWorld {
  readonly api: ApiWorld;
  declare(name: string, quarantine?: object, spec?: object): Promise<void>;
  upload(dataset: string, lines: readonly string[]): Promise<string>;
  /** Uploads and ingests the lines, and gives the open case that they made. */
  ingest(dataset: string, lines: readonly string[]): Promise<QuarantineCase>;
  /** By signal alone, as the Web UI sends it. */
  signal(caseId: string, message: unknown): Promise<void>;
  status(caseId: string): Promise<QuarantineStatus>;
  /** Waits until the case fits. */
  until(caseId: string, fits: (about: QuarantineCase) => boolean): Promise<QuarantineCase>;
  rows(dataset: string): Promise<VisibleRow[]>;
  start(): Promise<void>;
  stop(): Promise<void>;
  close(): Promise<void>;
}

export async function openQuarantineWorld(): Promise<QuarantineWorld> {
  const now = (): number => Date.now() * 1_000;
  const api = await openApiWorld({ now });
  const { stores, quarantineRows: rows } = api.dependencies;
  const { client } = api.temporal;
  await mkdir(join(api.folder, 'scratch'), { recursive: true });
  const tables = await openTableEngine({ dataDirectories: [api.folder], spillDirectory: api.folder });
  const runJob = runHere({ tables, artifacts: stores.artifacts });
  const workflows = createWorkflowPort(client, 'test');
  const io = {
    ...createDatasetActivities({ stores, workflows, now, sha256Hex }),
    ...createQuarantineActivities({ stores, rows, workflows, now, sha256Hex }),
  };
  const compute = createDatasetComputeActivities({ stores, runJob, sourceFolders: [] });
  let workers: TestWorkers | undefined;

  const world: QuarantineWorld = {
    api,
    async declare(name, quarantine = {}, spec = {}) {
      const body = {
        apiVersion: 'perennial/v1',
        kind: 'Dataset',
        metadata: { name },
        spec: { ...SPEC, ...spec, quarantine },
      };
      const { status, body: answer } = await api.call('put', '/v1/resources', { body });
      if (status !== 200) throw new Error(JSON.stringify(answer));
    },
    async upload(dataset, lines) {
      const response = await fetch(`${api.url}/v1/datasets/${dataset}/uploads?filename=rows.csv`, {
        method: 'POST',
        headers: { authorization: `Bearer ${api.keys.contributor}` },
        body: `${[HEADER, ...lines].join('\n')}\n`,
      });
      return ((await response.json()) as { uploadId: string }).uploadId;
    },
    async ingest(dataset, lines) {
      const source = `upload:${await world.upload(dataset, lines)}`;
      const started = await api.call('post', `/v1/datasets/${dataset}/ingestions`, { body: { source } });
      const ingestionId = String(started.body['ingestionId']);
      const ended = await client.workflow.getHandle(workflowIds.ingestDataset(ingestionId)).result();
      const { commitSeq } = ended as { commitSeq: number };
      const opened = await stores.quarantine.caseOfCommit(dataset, commitSeq);
      if (opened === null) throw new Error('no row was set aside');
      return opened;
    },
    signal: (caseId, message) =>
      client.workflow
        .getHandle(workflowIds.quarantineCase(caseId))
        .signal('decideQuarantine', message as QuarantineDecisionMessage),
    status: (caseId) => client.workflow.getHandle(workflowIds.quarantineCase(caseId)).query<QuarantineStatus>('status'),
    async until(caseId, fits) {
      for (const end = Date.now() + PATIENCE_MS; Date.now() < end;) {
        const about = await stores.quarantine.case(caseId);
        if (about !== null && fits(about)) return about;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error(`it did not come about: ${JSON.stringify(await stores.quarantine.case(caseId))}`);
    },
    async rows(dataset) {
      const head = await stores.datasets.head(dataset);
      const files = await localSegments(
        stores.artifacts,
        await segmentReferences(stores, dataset, head?.versionId ?? ''),
      );
      const relation = datasetRelation(DatasetSpec.parse(SPEC), files);
      const sql = `select origin, delay, ${ROW.knownTs} as "knownTs", ${ROW.commitSeq} as "commitSeq" from ${relation} order by all`;
      return (await tables.use((session) => session.rows(sql))) as unknown as VisibleRow[];
    },
    async start() {
      workers = await startWorkers(api.temporal, { io, compute });
    },
    async stop() {
      await workers?.stop();
      workers = undefined;
    },
    async close() {
      await world.stop();
      await tables.close();
      await api.close();
    },
  };
  await world.start();
  return world;
}

/** Rows are known a second after their event: declared, so that a release has something to override. */
const SPEC = {
  columns: [
    { name: 'ts', type: 'timestamp' },
    { name: 'origin', type: 'string' },
    { name: 'delay', type: 'float' },
  ],
  eventTime: 'ts',
  knowledge: { from: 'event', delay: '1s' },
  maxQuarantined: 0.9,
  expectations: [
    { name: 'plausible', expression: 'delay >= -120', action: 'drop' },
    { name: 'known-airport', expression: "origin != 'XXX'", action: 'drop' },
    { name: 'punctual', expression: 'delay <= 15', action: 'warn' },
  ],
};
