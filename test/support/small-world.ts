/** A whole stack of real processes with the small flights in it, and the moves that tests make. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { inject } from 'vitest';
import { type ApiClient, createClient } from '../../cli/client.js';
import type { DecisionMessage } from '../../domain/approval.js';
import { decideApprovalSignal } from '../../workflows/messages.js';
import { AS_OF, LAST_CUT, smallResources, writeSmallFlights } from './small-flights.js';
import { SUPERVISION_TIMING } from '../../cli/supervisor/supervised-process.js';
import { startTestStack, type TestStack } from './stack.js';

export interface PipelineView {
  readonly pipelineId: string;
  readonly workflowId: string;
  readonly stage: string;
  readonly outcome: string;
  readonly version: number | null;
  readonly reasons: readonly string[];
}

export interface SmallWorld {
  readonly stack: TestStack;
  readonly api: ApiClient;
  readonly temporal: Client;
  readonly servingUrl: string;
  readonly source: string;
  /** Applies the example's resources, ingests the flights, materialises both views. */
  prepare(modelSpec?: Record<string, unknown>): Promise<void>;
  train(requestId: string, asOf?: string): Promise<string>;
  /** Waits until a pipeline reaches one of the stages. */
  reach(pipelineId: string, ...stages: readonly string[]): Promise<PipelineView>;
  decide(pipeline: PipelineView, message: Partial<DecisionMessage> & { decision: 'approve' | 'reject' }): Promise<void>;
  /** Pushes feature rows to the serving process. */
  push(view: string, body: { to: 'online' | 'offline' | 'both'; rows: readonly object[] }): Promise<void>;
  infer(
    rows: number,
    options?: { version?: number; departedTs?: number },
  ): Promise<{ status: number; body: InferBody }>;
  observe(watermarkIso: string): Promise<void>;
  close(): Promise<void>;
}

export interface InferBody {
  readonly error?: string;
  readonly model_version?: string;
  readonly outputs?: readonly { readonly name: string; readonly data: readonly (number | string)[] }[];
}

const PATIENCE = { timeoutMs: 150_000, everyMs: 100 };

/** With `sharedEngines` the stack uses the engines of the test run; without, it owns engines that a test may kill. */
export async function openSmallWorld(
  options: { env?: NodeJS.ProcessEnv; sharedEngines?: boolean; failpoints?: readonly string[] } = {},
): Promise<SmallWorld> {
  const shared =
    options.sharedEngines !== false
      ? { TEMPORAL_ADDRESS: inject('temporalAddress'), MONGODB_URI: inject('mongodbUri') }
      : {};
  const namespace = options.sharedEngines !== false ? await freshNamespace() : 'default';
  const database = `world_${Math.random().toString(36).slice(2)}`;
  const env = { ...shared, TEMPORAL_NAMESPACE: namespace, PERENNIAL_TIMING: 'test', ...options.env };
  // Tests kill more often than a back-off for broken programs has patience for.
  const timing = { ...SUPERVISION_TIMING, firstBackoffMs: 50, longestBackoffMs: 100, startPollMs: 50 };
  const stack = await startTestStack({ database, env, timing });
  const { apiUrl, servingUrl, temporalAddress, adminKeyFile } = stack.addresses;
  if (apiUrl === null || servingUrl === null) throw new Error('the stack has no API or serving process');
  const api = createClient({ baseUrl: apiUrl, key: readFileSync(adminKeyFile, 'utf8').trim() });
  const connection = await Connection.connect({ address: temporalAddress });
  const temporal = new Client({ connection, namespace });
  const source = join(stack.dataDir, 'landing', 'flights.parquet');
  mkdirSync(join(stack.dataDir, 'landing'), { recursive: true });

  const world: SmallWorld = {
    stack,
    api,
    temporal,
    servingUrl,
    source,
    async prepare(modelSpec) {
      await writeSmallFlights(source);
      await api.put('/v1/resources', smallResources(modelSpec));
      await api.post('/v1/datasets/flights/ingestions', { source, ingestionId: 'small' });
      await api.poll(
        '/v1/ingestions/small',
        (body) => ((body as { state: string }).state === 'running' ? undefined : body),
        PATIENCE,
      );
      for (const view of ['origin-traffic', 'destination-traffic']) {
        await api.post(`/v1/feature-views/${view}/materializations`, { through: LAST_CUT, materializationId: view });
        await api.poll(
          `/v1/feature-views/${view}/materialization`,
          (body) => ((body as { throughCut: string | null }).throughCut === null ? undefined : body),
          PATIENCE,
        );
      }
    },
    async train(requestId, asOf = AS_OF) {
      const body = (await api.post('/v1/models/flight-delay/runs', {
        requestId,
        reason: `test ${requestId}`,
        asOf,
      })) as { pipelineId: string };
      return body.pipelineId;
    },
    reach: (pipelineId, ...stages) =>
      api.poll(
        `/v1/pipelines/${pipelineId}`,
        (body) => {
          const pipeline = body as PipelineView;
          if (pipeline.stage === 'closed' && !stages.includes('closed'))
            throw new Error(`pipeline ended: ${JSON.stringify(pipeline)}`);
          return stages.includes(pipeline.stage) ? pipeline : undefined;
        },
        PATIENCE,
      ),
    async decide(pipeline, message) {
      const body = {
        decisionId: `${pipeline.pipelineId}-${message.decision}`,
        reason: 'a test decides',
        version: pipeline.version ?? 0,
        actor: 'tester',
        ...message,
      };
      await temporal.workflow.getHandle(pipeline.workflowId).signal(decideApprovalSignal, body);
    },
    async push(view, body) {
      const response = await fetch(`${servingUrl}/v1/feature-views/${view}/rows`, {
        method: 'POST',
        body: JSON.stringify(body),
      });
      if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
    },
    async infer(rows, { version, departedTs = 983_440_000_000_000 } = {}) {
      const column = (name: string, datatype: string, value: string | number) => ({
        name,
        datatype,
        shape: [rows],
        data: Array.from({ length: rows }, () => value),
      });
      const inputs = [
        column('origin', 'BYTES', 'ORD'),
        column('destination', 'BYTES', 'DEN'),
        column('distance', 'FP32', 800),
        column('departed_ts', 'INT64', departedTs),
      ];
      const path = version === undefined ? '' : `/versions/${version}`;
      const response = await fetch(`${servingUrl}/v2/models/flight-delay${path}/infer`, {
        method: 'POST',
        body: JSON.stringify({ inputs }),
      });
      return { status: response.status, body: (await response.json()) as InferBody };
    },
    async observe(watermarkIso) {
      await api.post('/v1/endpoints/flight-delay/watermarks', { watermark: watermarkIso });
    },
    async close() {
      await connection.close();
      await stack.remove();
    },
  };
  return world;
}

/** Tests that share a server must not share workflow ids, which are business keys. */
async function freshNamespace(): Promise<string> {
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  const namespace = `world-${Math.random().toString(36).slice(2)}`;
  try {
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: msToTs('1 day'),
    });
    for (let tries = 0; ; tries += 1) {
      try {
        await connection.workflowService.describeNamespace({ namespace });
        return namespace;
      } catch (error) {
        if (tries > 50) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  } finally {
    await connection.close();
  }
}
