/** `pipeline`: what orchestration adds to a training pipeline on a tiny data set: wall time minus compute. */
import { mkdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { Client, Connection } from '@temporalio/client';
import { parseAllDocuments } from 'yaml';
import { type ApiClient, createClient } from '../cli/client.js';
import { startStack } from '../cli/supervisor/stack.js';
import { TASK_QUEUES, workflowIds } from '../domain/ids.js';
import { MICROS_PER_DAY, parseIso } from '../domain/time.js';
import { decideApprovalSignal } from '../workflows/messages.js';
import { type BenchmarkReport, median } from './report.js';

const ROUNDS = 3;
const DAYS = 59;
const FLIGHTS_PER_DAY = 100;

interface Round {
  readonly wallSeconds: number;
  readonly computeSeconds: number;
  readonly activities: number;
}

export async function pipeline(): Promise<BenchmarkReport> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-bench-'));
  const stack = await startStack({ dataDir: folder, ports: 'free', webUi: false });
  const connection = await Connection.connect({ address: stack.addresses.temporalAddress });
  try {
    const client = new Client({ connection });
    const api = createClient({
      baseUrl: stack.addresses.apiUrl ?? '',
      key: readFileSync(stack.addresses.adminKeyFile, 'utf8').trim(),
    });
    await prepare(api, folder);
    const rounds: Round[] = [];
    for (let round = 0; round <= ROUNDS; round += 1)
      rounds.push(await runPipeline({ api, client, requestId: `bench-${round}` }));
    // The first one loads sessions and bundles for the first time.
    return report(rounds.slice(1));
  } finally {
    await connection.close();
    await stack.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function report(rounds: readonly Round[]): BenchmarkReport {
  const wall = median(rounds.map(({ wallSeconds }) => wallSeconds));
  const compute = median(rounds.map(({ computeSeconds }) => computeSeconds));
  const activities = median(rounds.map((round) => round.activities));
  const overhead = median(rounds.map(({ wallSeconds, computeSeconds }) => wallSeconds - computeSeconds));
  const figures = {
    wall_seconds: wall,
    compute_seconds: compute,
    overhead_seconds: overhead,
    activities,
    overhead_ms_per_activity: (overhead * 1_000) / activities,
  };
  return { case: 'pipeline', figures, aims: { overhead_seconds: { value: overhead, aim: 5, direction: 'atMost' } } };
}

/** From the request to the closed pipeline, approved at once by signal. */
async function runPipeline({
  api,
  client,
  requestId,
}: {
  api: ApiClient;
  client: Client;
  requestId: string;
}): Promise<Round> {
  const startedMs = performance.now();
  const { pipelineId } = (await api.post('/v1/models/flight-delay/runs', {
    requestId,
    reason: 'benchmark',
    asOf: '2001-03-01T12:00:00Z',
  })) as { pipelineId: string };
  const stage = (wanted: string): Promise<{ version: number }> =>
    api.poll(
      `/v1/pipelines/${pipelineId}`,
      (body) => ((body as { stage: string }).stage === wanted ? (body as { version: number }) : undefined),
      { everyMs: 20 },
    );
  const { version } = await stage('awaiting_approval');
  const decision = { decisionId: `${requestId}-approve`, decision: 'approve' as const, reason: 'benchmark', version };
  await client.workflow.getHandle(workflowIds.trainingPipeline(pipelineId)).signal(decideApprovalSignal, decision);
  await stage('closed');
  const wallSeconds = (performance.now() - startedMs) / 1_000;
  const histories = await Promise.all(
    [workflowIds.trainingPipeline(pipelineId), workflowIds.rollout(pipelineId)].map((id) => readActivities(client, id)),
  );
  const activities = histories.flat();
  const computeSeconds = activities
    .filter(({ queue }) => queue === TASK_QUEUES.compute)
    .reduce((sum, { seconds }) => sum + seconds, 0);
  return { wallSeconds, computeSeconds, activities: activities.length };
}

async function readActivities(client: Client, workflowId: string): Promise<{ queue: string; seconds: number }[]> {
  const { events = [] } = await client.workflow.getHandle(workflowId).fetchHistory();
  const list = events ?? [];
  const secondsOf = (time: { seconds?: unknown; nanos?: number | null } | null | undefined): number =>
    Number(time?.seconds ?? 0) + (time?.nanos ?? 0) / 1e9;
  const byId = new Map(list.map((event) => [String(event.eventId), event]));
  return list.flatMap((event) => {
    const completed = event.activityTaskCompletedEventAttributes;
    if (completed == null) return [];
    const scheduled = byId.get(String(completed.scheduledEventId))?.activityTaskScheduledEventAttributes;
    const started = byId.get(String(completed.startedEventId));
    return [
      { queue: scheduled?.taskQueue?.name ?? '', seconds: secondsOf(event.eventTime) - secondsOf(started?.eventTime) },
    ];
  });
}

async function prepare(api: ApiClient, folder: string): Promise<void> {
  mkdirSync(join(folder, 'landing'));
  const source = join(folder, 'landing', 'flights.parquet');
  await writeFlights(source);
  await api.put('/v1/resources', await benchmarkResources());
  await api.post('/v1/datasets/flights/ingestions', { source, ingestionId: 'bench' });
  await api.poll('/v1/ingestions/bench', (body) =>
    (body as { state: string }).state === 'running' ? undefined : true,
  );
  for (const view of ['origin-traffic', 'destination-traffic']) {
    await api.post(`/v1/feature-views/${view}/materializations`, { through: '2001-03-01T06:00:00Z' });
    await api.poll(`/v1/feature-views/${view}/materialization`, (body) =>
      (body as { throughCut: string | null }).throughCut === null ? undefined : true,
    );
  }
}

/** The flights example with gates that any model passes, and rollouts that go straight through. */
async function benchmarkResources(): Promise<unknown[]> {
  const resources = new URL('../../examples/flights/resources/', import.meta.url);
  const files = (await readdir(resources)).filter((name) => name.endsWith('.yaml'));
  const texts = await Promise.all(files.map((name) => readFile(new URL(name, resources), 'utf8')));
  const documents = texts.flatMap((text) =>
    parseAllDocuments(text).map((document) => document.toJS() as { kind: string; spec: object }),
  );
  const spec = {
    gates: [{ metric: 'roc_auc', min: 0.5 }],
    rollout: {},
    trainer: { kind: 'gbdt', parameters: { trees: 20, depth: 3 }, seed: 1 },
  };
  return documents.map((document) =>
    document.kind === 'Model' ? { ...document, spec: { ...document.spec, ...spec } } : document,
  );
}

async function writeFlights(path: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const [first, rows] = [parseIso('2001-01-01'), DAYS * FLIGHTS_PER_DAY];
  await connection.run(`copy (
    select make_timestamp((${first} + i * ${(DAYS * MICROS_PER_DAY) / rows})::bigint) as date,
      (case when hash(i) % 10 < 2 + (hash(i * 3) % 2500) // 800 then 40 else -3 end)::bigint as delay, (hash(i * 3) % 2500)::bigint as distance,
      ['ORD', 'DEN', 'SEA'][(hash(i * 7) % 3)::int + 1] as origin, ['ATL', 'JFK', 'LAX'][(hash(i * 11) % 3)::int + 1] as destination
    from range(${rows}) t(i)) to '${path}' (format parquet)`);
  connection.closeSync();
  instance.closeSync();
}
