/** `online-features`: our serving process on MongoDB next to a bare server with a constant body, in turn, in one run. */
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStack } from '../cli/supervisor/stack.js';
import { firstMessage } from './bare-process.js';
import { load, type LoadFigures } from './load.js';
import {
  type BenchmarkEntities,
  createRandom,
  generateEntities,
  publishEntities,
  readEntities,
  VIEW,
} from './online-features-data.js';
import { type Latencies, openLoop } from './open-loop.js';
import { type BenchmarkOptions, type BenchmarkReport, median } from './report.js';

const SHAPES = {
  single: { rows: 1, requestsPerSecond: 500, share: 1 },
  batch: { rows: 100, requestsPerSecond: 50, share: 0.3 },
} as const;
type Shape = keyof typeof SHAPES;
type Side = 'bare' | 'ours';

const SECONDS = 200;
const BARE_SHARE = 0.1;
const WARM_UP_SECONDS = 5;
const CLOSED = { connections: 16, rounds: 3, seconds: 4 };

export async function onlineFeatures({ data, seconds }: BenchmarkOptions): Promise<BenchmarkReport> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-bench-'));
  const env = {
    TEMPORAL_ADDRESS: process.env['TEMPORAL_ADDRESS'],
    PERENNIAL_SERVING_AUTH: 'open',
    PERENNIAL_FEATURE_CACHE_MS: '0',
  };
  const entities = data === null ? generateEntities() : await readEntities(data);
  const stack = await startStack({ dataDir: folder, services: ['serving'], ports: 'free', webUi: false, env });
  const bare = fork(new URL('./constant-server.js', import.meta.url));
  try {
    const { mongodbUri, database, servingUrl } = stack.addresses;
    await publishEntities({ folder, uri: mongodbUri, database }, entities);
    const urls = { bare: await firstMessage(bare), ours: `${servingUrl ?? ''}/v1/features/online` };
    return report(await measure(urls, entities, seconds ?? SECONDS));
  } finally {
    bare.kill();
    await stack.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Measured {
  readonly open: Record<Shape, Record<Side, Latencies>>;
  readonly closed: Record<Side, LoadFigures[]>;
  readonly answerBytes: Record<Shape, number>;
}

async function measure(urls: Record<Side, string>, { ids }: BenchmarkEntities, seconds: number): Promise<Measured> {
  const answerBytes: Partial<Record<Shape, number>> = {};
  const open: Partial<Measured['open']> = {};
  const closed: Measured['closed'] = { bare: [], ours: [] };
  for (const shape of Object.keys(SHAPES) as Shape[]) {
    const { rows, requestsPerSecond, share } = SHAPES[shape];
    const body = bodies(ids, rows);
    answerBytes[shape] = await sameAnswer(urls, body(0));
    const run = (side: Side, length: number) => openLoop({ url: urls[side], requestsPerSecond, seconds: length, body });
    for (const side of ['bare', 'ours'] as const) await run(side, WARM_UP_SECONDS);
    const bare = await run('bare', Math.max(WARM_UP_SECONDS, seconds * share * BARE_SHARE));
    open[shape] = { bare, ours: await run('ours', seconds * share) };
    if (shape !== 'single') continue;
    for (let round = 0; round < CLOSED.rounds; round += 1)
      for (const side of ['bare', 'ours'] as const)
        closed[side].push(await load({ url: urls[side], body: body(round), ...CLOSED }));
  }
  return { open: open as Measured['open'], closed, answerBytes: answerBytes as Measured['answerBytes'] };
}

/** Gives the bare server an answer of ours to repeat; its size. */
async function sameAnswer(urls: Record<Side, string>, body: string): Promise<number> {
  const response = await fetch(urls.ours, { method: 'POST', body });
  const text = await response.text();
  if (!response.ok || text.includes('NOT_FOUND')) throw new Error(`not all entities are there: ${text.slice(0, 500)}`);
  await fetch(urls.bare, { method: 'PUT', body: text });
  return Buffer.byteLength(text);
}

/** Other entities in every request. */
function bodies(ids: readonly number[], rows: number): (index: number) => string {
  const random = createRandom(rows);
  return () => {
    const entity_id = Array.from({ length: rows }, () => ids[Math.floor(random() * ids.length)]);
    return JSON.stringify({ features: [VIEW], entities: { entity_id } });
  };
}

function report({ open, closed, answerBytes }: Measured): BenchmarkReport {
  const figures: Record<string, number> = {};
  for (const shape of Object.keys(SHAPES) as Shape[]) {
    figures[`${shape}_answer_bytes`] = answerBytes[shape];
    for (const side of ['bare', 'ours'] as const) {
      const { samples, p50Ms, p95Ms, p99Ms, p999Ms, maxMs, failed } = open[shape][side];
      const named = { samples, p50_ms: p50Ms, p95_ms: p95Ms, p99_ms: p99Ms, p99_9_ms: p999Ms, max_ms: maxMs, failed };
      for (const [name, value] of Object.entries(named)) figures[`${side}_${shape}_${name}`] = value;
    }
  }
  for (const side of ['bare', 'ours'] as const) {
    const name = `${side}_closed_${CLOSED.connections}`;
    figures[`${name}_requests_per_second`] = median(closed[side].map((each) => each.requestsPerSecond));
    figures[`${name}_p99_ms`] = median(closed[side].map(({ p99Ms }) => p99Ms));
  }
  return {
    case: 'online-features',
    figures,
    aims: {
      single_p99_ms: { value: open.single.ours.p99Ms, aim: 5, direction: 'atMost' },
      batch_p99_ms: { value: open.batch.ours.p99Ms, aim: 30, direction: 'atMost' },
    },
  };
}
