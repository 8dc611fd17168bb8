/** `runs-search`: searches over fifty thousand runs of four experiments, each with other filters and orders. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStack } from '../cli/supervisor/stack.js';
import { parseRunFilter, parseRunOrder } from '../domain/run-search/parse.js';
import type { RunStore } from '../store/contracts/runs.js';
import { sha256Hex } from '../store/contracts/digests.js';
import { type Database, openDatabase, type StoredDocument } from '../store/mongo/database.js';
import { fieldOf, newRunDocument } from '../store/mongo/run-documents.js';
import { createRunStore } from '../store/mongo/runs.js';
import type { Aim, BenchmarkReport } from './report.js';

const RUNS = 50_000;
const BATCH = 2_000;
const ROUNDS = 25;
const PAGE = 100;
const START = 1_700_000_000_000_000;
const MINUTE = 60_000_000;
/** Shares of the runs: three of four belong to one experiment. */
const EXPERIMENTS = ['1', '1', '1', '2', '1', '1', '1', '3', '1', '1', '1', '4'] as const;

interface Asked {
  readonly filter: string;
  readonly order: readonly string[];
  /** Empty: all. */
  readonly experiments?: readonly string[];
}

/** `$` stands for a number of the round, so that no answer is the one before. */
const SEARCHES: Readonly<Record<string, Asked>> = {
  newest: { filter: '', order: [] },
  newest_of_all_experiments: { filter: '', order: [], experiments: [] },
  best: { filter: '', order: ['metrics.auc DESC'] },
  best_by_two: { filter: '', order: ['metrics.folds DESC', 'metrics.auc DESC'] },
  least_with_missing: { filter: '', order: ['metrics.rare'] },
  metric_above: { filter: 'metrics.auc > 0.99$', order: [] },
  metric_above_in_order: { filter: 'metrics.auc > 0.5$', order: ['metrics.loss'] },
  two_metrics: { filter: 'metrics.auc > 0.9$ AND metrics.loss < 0.1', order: ['start_time DESC'] },
  param: { filter: "params.depth = '$'", order: ['metrics.auc DESC'] },
  param_and_metric: { filter: "params.depth = '$' AND metrics.auc > 0.8", order: ['metrics.loss'] },
  rare_tag: { filter: "tags.commit = 'c$00'", order: [] },
  failed: { filter: "status = 'FAILED' AND start_time > 1700000$00000", order: [] },
  name: { filter: "run_name = 'run-1$77'", order: [] },
  like: { filter: "tags.note LIKE '%number $%'", order: [] },
  like_nothing: { filter: "tags.note LIKE '%nowhere $%'", order: [] },
  dataset: { filter: "datasets.name = 'data-$' AND datasets.context = 'training'", order: ['metrics.auc DESC'] },
  small_experiment: { filter: 'metrics.auc > 0.5$', order: ['metrics.auc'], experiments: ['4'] },
};

export async function runsSearch(): Promise<BenchmarkReport> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-bench-'));
  const stack = await startStack({ dataDir: folder, services: [], ports: 'free', webUi: false });
  const open = () => openDatabase({ uri: stack.addresses.mongodbUri, database: 'bench' });
  const empty = await open();
  await fill(empty);
  await empty.close();
  const database = await open();
  const runs = createRunStore(database, { now: () => START, sha256Hex });
  try {
    const figures: Record<string, number> = { runs: RUNS, searches_of_each: ROUNDS, page: PAGE };
    const all: number[] = [];
    for (const [name, asked] of Object.entries(SEARCHES)) {
      const times = await measure(runs, asked);
      all.push(...times);
      figures[`${name}_ms_median`] = quantile(times, 0.5);
      figures[`${name}_ms_p95`] = quantile(times, 0.95);
    }
    figures['deep_page_ms_p95'] = quantile(await deepPages(runs), 0.95);
    const aims: Record<string, Aim> = { all_ms_p95: { value: quantile(all, 0.95), aim: 100, direction: 'atMost' } };
    return { case: 'runs-search', figures, aims };
  } finally {
    await database.close();
    await stack.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Milliseconds of each search, after one that fills the caches. */
async function measure(runs: RunStore, { filter, order, experiments = ['1'] }: Asked): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const search = {
      experimentIds: experiments,
      conditions: parseRunFilter(filter.replaceAll('$', String(round % 10))),
      order: order.map(parseRunOrder),
      lifecycle: 'active',
      limit: PAGE,
      after: null,
    } as const;
    const started = performance.now();
    await runs.search(search);
    if (round > 0) times.push(performance.now() - started);
  }
  return times;
}

/** Milliseconds of pages one after the other, each by the token of the page before. */
async function deepPages(runs: RunStore): Promise<number[]> {
  const times: number[] = [];
  const asked = { experimentIds: ['1'], conditions: [], order: [parseRunOrder('metrics.auc DESC')], limit: 1_000 };
  for (let after: string | null = null, page = 0; page < ROUNDS; page += 1) {
    const started = performance.now();
    ({ next: after } = await runs.search({ ...asked, lifecycle: 'active', after }));
    times.push(performance.now() - started);
  }
  return times;
}

async function fill(database: Database): Promise<void> {
  const runs = database.collection('runs');
  // Made again in one go when the database is opened next, which takes a fraction of the time.
  await runs.dropIndexes();
  for (let first = 0; first < RUNS; first += BATCH)
    await runs.insertMany(Array.from({ length: BATCH }, (_value, index) => runDocument(first + index)));
  const datasets = Array.from({ length: 10 }, (_value, number) => ({ _id: `data-${number}`, ...dataset(number) }));
  await database.collection('run_datasets').insertMany(datasets);
}

/** A run with ten metrics, ten parameters and five tags, all of its number. */
function runDocument(number: number): StoredDocument {
  const metric = (name: number): number => fraction(number * 31 + name * 7_919);
  const values: Record<string, number> = { auc: metric(1), loss: metric(2), folds: number % 5 };
  if (number % 50 === 0) values['rare'] = metric(3);
  for (let index = 0; index < 7; index += 1) values[`metric_${index}`] = metric(index + 10);
  const params: Record<string, string> = { depth: String(number % 10), rate: metric(4).toFixed(4) };
  for (let index = 0; index < 8; index += 1) params[`param_${index}`] = String((number + index) % 17);
  const tags = {
    commit: `c${number % 1_000}`,
    note: `this is number ${number % 100} of its kind`,
    team: 'ops',
    a: 'b',
  };
  const fields = <T>(pairs: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(pairs).map(([key, value]) => [fieldOf(key), value]));
  const run = newRunDocument({
    runId: createHash('md5').update(String(number)).digest('hex'),
    experimentId: EXPERIMENTS[number % EXPERIMENTS.length] ?? '1',
    name: `run-${number}`,
    userId: 'mira',
    status: number % 40 === 0 ? 'FAILED' : 'FINISHED',
    startTs: START + number * MINUTE,
    tags: [],
  });
  const latest = Object.fromEntries(
    Object.keys(values).map((key) => [fieldOf(key), { step: 1, timestampMs: 1, count: 1 }]),
  );
  const { name, digest } = dataset(number % 10);
  const inputs = [{ datasetId: `data-${number % 10}`, name, digest, context: 'training', tags: [] }];
  return { ...run, metrics: fields(values), latest, params: fields(params), tags: fields(tags), inputs };
}

function dataset(number: number) {
  const name = `data-${number}`;
  return {
    name,
    digest: `digest-${number}`,
    sourceType: 'perennial',
    source: `dataset/${name}`,
    schema: null,
    profile: null,
  };
}

/** A number from 0 to 1 that looks like chance and is the same in every run. */
function fraction(number: number): number {
  const mixed = Math.imul(number ^ (number >>> 15), 2_246_822_519);
  return ((mixed ^ (mixed >>> 13)) >>> 0) / 2 ** 32;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
