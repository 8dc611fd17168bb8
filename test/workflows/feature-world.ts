/** The control plane and workers for datasets, feature views and retrievals, on real engines, with a clock of its own. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { heartbeat } from '@temporalio/activity';
import { createDatasetActivities, createDatasetComputeActivities } from '../../activities/dataset.js';
import { createFeatureActivities, createFeatureComputeActivities } from '../../activities/features.js';
import { createRetrievalActivities, createRetrievalComputeActivities } from '../../activities/historical-retrieval.js';
import { MEDIA_TYPES } from '../../domain/artifact.js';
import { workflowIds } from '../../domain/ids.js';
import { quoteText } from '../../ml/features/expression/sql.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import type { SqlValue, TableEngine } from '../../store/contracts/tables.js';
import { openTableEngine } from '../../store/tables/engine.js';
import { createWorkflowPort } from '../../workers/ports/workflow-port.js';
import type { MaterializeFeaturesResult } from '../../workflows/messages.js';
import { runHere } from '../activities/compute-fixture.js';
import { type ApiReply, type ApiWorld, openApiWorld } from '../support/api-world.js';
import { startWorkers } from '../support/workers.js';

export interface FeatureWorld {
  readonly api: ApiWorld;
  readonly tables: TableEngine;
  /** Ingests the lines of a CSV file. */
  ingest(dataset: string, lines: readonly string[]): Promise<void>;
  materialize(view: string, through?: string): Promise<MaterializeFeaturesResult>;
  /** Asks, and waits until the retrieval has ended. */
  retrieve(body: object): Promise<{ started: ApiReply; ended: ApiReply['body'] }>;
  /** Rows of the Parquet file that a retrieval answers with. */
  tableOf(retrievalId: unknown): Promise<Record<string, SqlValue>[]>;
  close(): Promise<void>;
}

export async function openFeatureWorld(options: {
  now: () => number;
  /** Waited for before each spine is read. */
  beforeSpine?: () => Promise<void>;
}): Promise<FeatureWorld> {
  const { now, beforeSpine = () => Promise.resolve() } = options;
  const api = await openApiWorld();
  const { stores } = api.dependencies;
  const { client } = api.temporal;
  const landing = join(api.folder, 'landing');
  await mkdir(landing);
  const tables = await openTableEngine({ dataDirectories: [api.folder], spillDirectory: join(api.folder, 'spill') });
  const runJob = runHere({ tables, artifacts: stores.artifacts });
  const sources = { sourceFolders: [landing] };
  const workflows = createWorkflowPort(client, 'test');
  const retrieval = createRetrievalComputeActivities({ stores, runJob, sources });
  const workers = await startWorkers(api.temporal, {
    io: {
      ...createDatasetActivities({ stores, workflows, now, sha256Hex }),
      ...createFeatureActivities({ stores, tables, now, sha256Hex, heartbeat }),
      ...createRetrievalActivities({ stores, tables, now, sha256Hex }),
    },
    compute: {
      ...createDatasetComputeActivities({ stores, runJob, ...sources }),
      ...createFeatureComputeActivities({ stores, runJob }),
      ...retrieval,
      loadRetrievalSpine: async (input: Parameters<typeof retrieval.loadRetrievalSpine>[0]) => {
        await beforeSpine();
        return retrieval.loadRetrievalSpine(input);
      },
    },
  });
  let made = 0;
  /** All tests of a run share one server. */
  const mintId = (): string => `${api.temporal.taskQueue}-${(made += 1)}`;

  async function start(path: string, body: object): Promise<ApiReply> {
    const started = await api.call('post', path, { body });
    if (started.status !== 202) throw new Error(JSON.stringify(started.body));
    return started;
  }

  return {
    api,
    tables,
    async ingest(dataset, lines) {
      const ingestionId = mintId();
      const source = join(landing, `${ingestionId}.csv`);
      await writeFile(source, `${lines.join('\n')}\n`);
      await start(`/v1/datasets/${dataset}/ingestions`, { source, ingestionId });
      await client.workflow.getHandle(workflowIds.ingestDataset(ingestionId)).result();
    },
    async materialize(view, through) {
      const body = { materializationId: mintId(), ...(through !== undefined && { through }) };
      const started = await start(`/v1/feature-views/${view}/materializations`, body);
      const handle = client.workflow.getHandle(String(started.body['workflowId']));
      return (await handle.result()) as MaterializeFeaturesResult;
    },
    async retrieve(body) {
      const started = await api.call('post', '/v1/features/historical', { body });
      if (started.status !== 202) return { started, ended: started.body };
      await client.workflow
        .getHandle(String(started.body['workflowId']))
        .result()
        .catch(() => null);
      return { started, ended: (await api.call('get', started.location ?? '')).body };
    },
    async tableOf(retrievalId) {
      const response = await fetch(`${api.url}/v1/features/historical/${String(retrievalId)}/table`, {
        headers: { authorization: `Bearer ${api.keys.viewer}` },
      });
      const mediaType = response.headers.get('content-type');
      if (mediaType !== MEDIA_TYPES.parquet) throw new Error(`no table but ${String(mediaType)}`);
      const path = join(landing, 'answer.parquet');
      await writeFile(path, new Uint8Array(await response.arrayBuffer()));
      return tables.use((session) => session.rows(`select * from read_parquet(${quoteText(path)})`));
    },
    async close() {
      await workers.stop();
      await tables.close();
      await api.close();
    },
  };
}
