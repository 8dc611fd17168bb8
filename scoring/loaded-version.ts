/**
 * A model version in memory. Requests take it and give it back; its native session is freed when nobody holds it any
 * more, never under a running request.
 */
import type { Bundle } from '../domain/bundle.js';
import { canonicalJson } from '../domain/canonical-json.js';
import { DomainError } from '../domain/errors.js';
import { FeaturePlan } from '../domain/features.js';
import { SCORE_OUTPUTS, scoreWidth } from '../domain/task.js';
import { PLAN_METADATA } from '../ml/features/plan.js';
import { readModelMetadata } from '../ml/onnx/model-metadata.js';
import { createChain } from '../ml/onnx/chain.js';
import type { OnnxSession, TensorData } from '../ml/onnx/session.js';
import type { ArtifactStore } from '../store/contracts/artifacts.js';
import { concatColumns } from './batch.js';
import { compileFeatureInputs, type FeatureInputs, type Feeds } from './feature-plan.js';

export interface LoadedVersion {
  readonly version: number;
  readonly bundle: Bundle;
  readonly features: FeatureInputs;
  /** Row-major scores of `rows` rows. Small requests that arrive together are scored together. */
  score(feeds: Feeds, rows: number): Promise<Float32Array>;
  retain(): void;
  /** The last release frees the session. */
  release(): void;
}

/** Requests of at most so many rows wait for the end of the tick and share one run. */
const COALESCE_ROWS = 32;
/** More rows than this in one run would block the event loop for milliseconds. */
const MAX_RUN_ROWS = 256;

interface Waiting {
  readonly feeds: Feeds;
  readonly rows: number;
  readonly resolve: (scores: Float32Array) => void;
  readonly reject: (error: unknown) => void;
}

/** Reads and opens a version's graphs; the caller is its first holder. Throws `PRN_ONNX_INVALID`, `PRN_MODEL_CONTRACT` or an artefact error. */
export async function loadVersion(
  artifacts: Pick<ArtifactStore, 'get'>,
  version: number,
  bundle: Bundle,
): Promise<LoadedVersion> {
  const [first, ...others] = bundle.graphs;
  const graph = await artifacts.get(first);
  requireContract(graph, bundle);
  const session = await createChain([graph, ...(await Promise.all(others.map((other) => artifacts.get(other))))]);
  const scorer: Scorer = { session, output: SCORE_OUTPUTS[bundle.task], width: scoreWidth(bundle) };
  let holders = 1;
  let waiting: Waiting[] = [];

  const flush = (): void => {
    const batch = waiting;
    waiting = [];
    void runTogether(scorer, batch);
  };
  return {
    version,
    bundle,
    features: compileFeatureInputs(bundle),
    async score(feeds, rows) {
      if (rows > COALESCE_ROWS) return runInParts(scorer, feeds, rows);
      return new Promise((resolve, reject) => {
        if (waiting.length === 0) setImmediate(flush);
        waiting.push({ feeds, rows, resolve, reject });
      });
    },
    retain() {
      holders += 1;
    },
    release() {
      holders -= 1;
      if (holders === 0) void session.release().catch(() => undefined);
    },
  };
}

/** A graph that says which plan it computes must say the plan it is served with; foreign graphs say nothing. */
function requireContract(graph: Uint8Array, { model, plan }: Bundle): void {
  const carried = readModelMetadata(graph)[PLAN_METADATA];
  if (carried === undefined) return;
  // Parsed, so that a plan written before an optional field was added still is the same plan.
  const parsed = FeaturePlan.safeParse(JSON.parse(carried));
  if (!parsed.success || canonicalJson(parsed.data) !== canonicalJson(plan))
    throw new DomainError('PRN_MODEL_CONTRACT', { model });
}

interface Scorer {
  readonly session: OnnxSession;
  /** The output that holds the scores. */
  readonly output: string;
  /** Scores of a row. */
  readonly width: number;
}

async function runOnce({ session, output }: Scorer, feeds: Feeds): Promise<Float32Array> {
  const { [output]: scores } = await session.run(feeds, [output]);
  if (!(scores instanceof Float32Array))
    throw new DomainError('PRN_ONNX_INVALID', { problem: `it gives no FP32 ${output}` });
  return scores;
}

/** Never rejects: every waiting request gets its answer or its error. */
async function runTogether(scorer: Scorer, batch: readonly Waiting[]): Promise<void> {
  if (batch.length === 1) return runAlone(scorer, batch);
  try {
    const rows = batch.reduce((sum, waiting) => sum + waiting.rows, 0);
    const scores = await runInParts(scorer, concatFeeds(batch), rows);
    let offset = 0;
    for (const waiting of batch) waiting.resolve(scores.subarray(offset, (offset += waiting.rows * scorer.width)));
  } catch {
    // One request whose inputs the graph refuses must not take its neighbours down.
    await runAlone(scorer, batch);
  }
}

async function runAlone(scorer: Scorer, batch: readonly Waiting[]): Promise<void> {
  for (const { feeds, resolve, reject } of batch) await runOnce(scorer, feeds).then(resolve, reject);
}

/** Lets other requests in between two parts. */
async function runInParts(scorer: Scorer, feeds: Feeds, rows: number): Promise<Float32Array> {
  if (rows <= MAX_RUN_ROWS) return runOnce(scorer, feeds);
  const scores = new Float32Array(rows * scorer.width);
  for (let from = 0; from < rows; from += MAX_RUN_ROWS) {
    const part = Object.fromEntries(
      Object.entries(feeds).map(([name, data]) => [name, data.slice(from, from + MAX_RUN_ROWS)]),
    );
    scores.set(await runOnce(scorer, part), from * scorer.width);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return scores;
}

function concatFeeds(batch: readonly Waiting[]): Feeds {
  const joined: Record<string, TensorData> = {};
  for (const name in batch[0]?.feeds) joined[name] = concatColumns(batch.map(({ feeds }) => feeds[name] ?? []));
  return joined;
}
