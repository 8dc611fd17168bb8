/**
 * What the promotion was worth: the rows that version 2 answered after it took all traffic, scored again with the
 * archived version's own graph, paired row by row and resampled by days.
 */
import { join } from 'node:path';
import { MICROS_PER_DAY } from '../../domain/time.js';
import { bootstrap, improvement } from '../../ml/evaluation/bootstrap.js';
import { statisticOf } from '../../ml/evaluation/evaluate.js';
import { intervalOf } from '../../ml/evaluation/intervals.js';
import { blocksOf, unitsOf } from '../../ml/evaluation/resampling.js';
import type { MetricName } from '../../domain/metrics.js';
import { loadVersion } from '../../scoring/loaded-version.js';
import { openFileArtifacts } from '../../store/artifacts/file.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import type { Stores } from '../../store/contracts/index.js';
import { openDatabase } from '../../store/mongo/database.js';
import { createStores } from '../../store/mongo/stores.js';
import { Rollouts } from './wire.js';
import { day, ENDPOINT, MODEL, type World } from './world.js';

const BOOTSTRAP = { resamples: 1_000, seed: 11 };
/** Of either side of the intervals shown. */
const TAIL = 0.05;

export async function compareAfterPromotion(world: World): Promise<void> {
  const { api, show, addresses, options } = world;
  const { items } = Rollouts.parse(await api.get(`/v1/endpoints/${ENDPOINT}/rollouts`));
  const completed = items.find(({ state, fromVersion }) => state === 'completed' && fromVersion !== null);
  const promotedAt = completed?.steps.find(({ weight }) => weight === 100)?.startedAt;
  if (completed === undefined || promotedAt === undefined || completed.fromVersion === null) {
    show.fact('no challenger was promoted, so there is nothing to compare');
    return;
  }
  const database = await openDatabase({ uri: addresses.mongodbUri, database: addresses.database });
  try {
    const artifacts = openFileArtifacts(join(options.dataDir, 'artifacts'));
    const stores = createStores(database, {
      artifacts,
      now: () => Date.now() * 1_000,
      sha256Hex,
    });
    const rows = await pairRows(stores, { version: completed.version, other: completed.fromVersion, from: promotedAt });
    const betterBy = improvements(rows);
    show.fact(
      `version ${completed.version} against version ${completed.fromVersion} on the ${rows.labels.length} rows since ${day(promotedAt)}:`,
    );
    show.fact(`  log loss better by ${betterBy('log_loss')}`);
    show.fact(`  AUC better by      ${betterBy('roc_auc')}`);
    show.fact(
      '  (two-sided 90 %, by whole days; the holdout overlapped the alarm period, so part of its gain was regression to the mean,',
    );
    show.fact('   and the thresholds of this demo were chosen knowing these months)');
  } finally {
    await database.close();
  }
}

/** How much better the new version is by a metric, in words. */
function improvements({ labels, challenger, other, blocks }: Awaited<ReturnType<typeof pairRows>>) {
  const unit = blocksOf(blocks);
  const [first, second] = bootstrap(
    [challenger, other].map((probabilities) =>
      statisticOf({ predictions: { task: 'binary', probabilities }, labels, threshold: 0.5 }),
    ),
    { unit, ...BOOTSTRAP },
  );
  return (metric: MetricName): string => {
    if (first === undefined || second === undefined) return 'nothing';
    const resampled = improvement(first, second, metric);
    const interval = intervalOf(resampled, TAIL);
    const estimate = resampled.estimate.toFixed(4);
    if (interval === null) return `${estimate}, too few days (${unitsOf(unit)}) for an interval`;
    return `${estimate} [${interval.lower.toFixed(4)}, ${interval.upper.toFixed(4)}] over ${unitsOf(unit)} days`;
  };
}

async function pairRows(stores: Stores, pair: { version: number; other: number; from: number }) {
  const buckets = await stores.predictions.buckets({
    endpoint: ENDPOINT,
    from: pair.from,
    to: Number.MAX_SAFE_INTEGER,
  });
  const labels = await stores.predictions.groundTruth(
    buckets.flatMap(({ predictionIds }) => predictionIds),
    Number.MAX_SAFE_INTEGER,
  );
  const found = await stores.registry.version(MODEL, pair.other);
  if (found === null) throw new Error(`version ${pair.other} is gone`);
  const loaded = await loadVersion(stores.artifacts, pair.other, found.bundle);
  const collected = {
    labels: [] as number[],
    challenger: [] as number[],
    other: [] as number[],
    blocks: [] as number[],
  };
  try {
    for (const bucket of buckets) {
      const rows = [...bucket.version.keys()].filter(
        (row) => bucket.version[row] === pair.version && labels.has(bucket.predictionIds[row] ?? ''),
      );
      if (rows.length === 0) continue;
      const feeds = Object.fromEntries(
        found.bundle.plan.inputs.map(({ name, datatype }) => [
          name,
          datatype === 'INT64'
            ? BigInt64Array.from(rows, (row) => BigInt(bucket.eventTs[row] ?? 0))
            : Float32Array.from(rows, (row) => bucket.inputs[name]?.[row] ?? Number.NaN),
        ]),
      );
      const scores = await loaded.score(feeds, rows.length);
      for (const [position, row] of rows.entries()) {
        collected.labels.push(Number(labels.get(bucket.predictionIds[row] ?? '') ?? 0));
        collected.challenger.push(bucket.scores[row] ?? 0);
        collected.other.push(scores[position] ?? 0);
        collected.blocks.push(Math.floor((bucket.eventTs[row] ?? 0) / MICROS_PER_DAY));
      }
    }
  } finally {
    loaded.release();
  }
  return {
    labels: collected.labels,
    challenger: Float32Array.from(collected.challenger),
    other: Float32Array.from(collected.other),
    blocks: collected.blocks,
  };
}
