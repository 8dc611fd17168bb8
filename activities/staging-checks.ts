/** What a version must prove in the serving process before people are asked about it. */
import { type Bundle, GoldenRows } from '../domain/bundle.js';
import { SCORE_OUTPUTS, taskOutputs } from '../domain/task.js';
import type { Stores } from '../store/contracts/index.js';
import type { StagingCheck } from '../workflows/contracts/registry.js';
import { getJson } from '../store/contracts/json-artifacts.js';
import type { SentColumn, ServedTensor, ServingPort } from './ports.js';

export interface StagingCheckDependencies {
  readonly stores: Pick<Stores, 'artifacts'>;
  readonly serving: ServingPort;
  readonly heartbeat: (details?: unknown) => void;
}

interface Staged {
  readonly endpoint: string;
  readonly version: number;
  readonly bundle: Bundle;
  readonly maxLatencyP99Ms: number;
}

const LOAD_TIMEOUT_MS = 90_000;
const LOAD_POLL_MS = 200;
const LATENCY_REQUESTS = 200;

export async function runStagingChecks(
  dependencies: StagingCheckDependencies,
  staged: Staged,
): Promise<{ outcome: 'passed' | 'failed'; checks: StagingCheck[] }> {
  const loaded = await waitUntilLoaded(dependencies, staged);
  const checks = [loaded];
  if (loaded.passed) {
    checks.push(await checkContract(dependencies, staged));
    const golden = await getJson(dependencies.stores.artifacts, staged.bundle.goldenRows, GoldenRows);
    checks.push(await checkGoldenRows(dependencies, staged, golden));
    checks.push(await checkLatency(dependencies, staged, golden));
  }
  return { outcome: checks.every(({ passed }) => passed) ? 'passed' : 'failed', checks };
}

async function waitUntilLoaded(
  { serving, heartbeat }: StagingCheckDependencies,
  staged: Staged,
): Promise<StagingCheck> {
  const { endpoint, version } = staged;
  for (let waitedMs = 0; waitedMs <= LOAD_TIMEOUT_MS; waitedMs += LOAD_POLL_MS) {
    if (await serving.isReady(endpoint, version)) {
      return {
        name: 'loaded',
        passed: true,
        explanation: `serving answers at /v2/models/${endpoint}/versions/${version}`,
      };
    }
    heartbeat({ waitedMs });
    await new Promise((resolve) => setTimeout(resolve, LOAD_POLL_MS));
  }
  return {
    name: 'loaded',
    passed: false,
    explanation: `serving did not load the version within ${LOAD_TIMEOUT_MS / 1_000} s`,
  };
}

async function checkContract({ serving }: StagingCheckDependencies, staged: Staged): Promise<StagingCheck> {
  const { inputs, outputs } = await serving.metadata(staged.endpoint, staged.version);
  const missing = [
    ...staged.bundle.request.filter((field) => !inputs.some((input) => isSame(input, field))),
    ...taskOutputs(staged.bundle).filter(
      (output) => !outputs.some((served) => isSame(served, output) && served.shape.at(-1) === output.width),
    ),
  ];
  const passed = missing.length === 0;
  const explanation = passed
    ? `${staged.bundle.request.length} request fields and ${outputs.length} outputs as declared`
    : `not served as declared: ${missing.map(({ name }) => name).join(', ')}`;
  return { name: 'contract', passed, explanation };
}

type Named = Pick<ServedTensor, 'name' | 'datatype'>;

function isSame(left: Named, right: Named): boolean {
  return left.name === right.name && left.datatype === right.datatype;
}

/** Request fields, and view features as overrides, so that both sides score the very same inputs. */
function goldenInputs(bundle: Bundle, golden: GoldenRows): SentColumn[] {
  const request = bundle.request.map(({ name, datatype }) => ({ name, datatype, data: golden.request[name] ?? [] }));
  const overrides = bundle.plan.inputs
    .filter(({ source }) => source.kind === 'view')
    .map(({ name, datatype }) => ({ name, datatype, data: golden.inputs[name] ?? [] }));
  return [...request, ...overrides];
}

async function checkGoldenRows(
  { serving }: StagingCheckDependencies,
  staged: Staged,
  golden: GoldenRows,
): Promise<StagingCheck> {
  const { scores, width } = golden;
  const rows = scores.length / width;
  const inputs = goldenInputs(staged.bundle, golden);
  const output = SCORE_OUTPUTS[staged.bundle.task];
  const served = await serving.infer(staged.endpoint, staged.version, { inputs, output });
  const differs = (row: number): boolean =>
    scores
      .slice(row * width, (row + 1) * width)
      .some((expected, at) => Math.fround(served[row * width + at] ?? Number.NaN) !== Math.fround(expected));
  const differing = Array.from({ length: rows }, (_unused, row) => row).filter(differs).length;
  const passed = rows > 0 && differing === 0 && served.length === scores.length;
  const explanation = passed
    ? `${rows} rows answered bit for bit as in training`
    : `${differing} of ${rows} rows differ from training`;
  return { name: 'golden rows', passed, explanation };
}

async function checkLatency(
  { serving, heartbeat }: StagingCheckDependencies,
  staged: Staged,
  golden: GoldenRows,
): Promise<StagingCheck> {
  const rows = Math.max(1, golden.scores.length / golden.width);
  const output = SCORE_OUTPUTS[staged.bundle.task];
  const columns = goldenInputs(staged.bundle, golden);
  const latenciesMs: number[] = [];
  for (let request = 0; request < LATENCY_REQUESTS; request += 1) {
    const row = request % rows;
    const single = columns.map(({ name, datatype, data }) => ({ name, datatype, data: data.slice(row, row + 1) }));
    const startedMs = performance.now();
    await serving.infer(staged.endpoint, staged.version, { inputs: single, output });
    latenciesMs.push(performance.now() - startedMs);
    if (request % 50 === 0) heartbeat({ request });
  }
  latenciesMs.sort((left, right) => left - right);
  const p99 = latenciesMs[Math.ceil(latenciesMs.length * 0.99) - 1] ?? Number.POSITIVE_INFINITY;
  const passed = p99 <= staged.maxLatencyP99Ms;
  return {
    name: 'latency',
    passed,
    explanation: `p99 ${p99.toFixed(1)} ms of ${LATENCY_REQUESTS} requests, limit ${staged.maxLatencyP99Ms} ms`,
  };
}
