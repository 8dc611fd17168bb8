/**
 * `train`: built-in gradient boosting next to Python's LightGBM: the same rows, 200 trees of 31 leaves and depth 6, two
 * threads each, in processes of their own, in turns. Time from the matrix in memory to the trained model, binning included.
 */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findPythonEnvironment } from '#scripts/support/python-environment.mjs';
import { z } from 'zod';
import { DomainError } from '../domain/errors.js';
import { quoteText } from '../ml/features/expression/sql.js';
import { openTableEngine } from '../store/tables/engine.js';
import { type Aim, type BenchmarkOptions, type BenchmarkReport, median } from './report.js';

const SIZES = [100_000, 1_000_000] as const;
const FEATURES = 20;
const TREES = 200;
const THREADS = 2;
const ROUNDS = 3;

const Trained = z.object({ seconds: z.number(), auc: z.number(), peakMb: z.number() });
type Trained = z.infer<typeof Trained>;

/** With `--data DIR`: every `*.parquet` with a column `label` (0 or 1) and numbers; the last fifth of the rows is scored. */
export async function train({ data }: BenchmarkOptions): Promise<BenchmarkReport> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-bench-'));
  const figures: Record<string, number> = {};
  const aims: Record<string, Aim> = {};
  try {
    for (const file of data === null ? await generate(folder) : given(data)) {
      const name = basename(file, '.parquet');
      const { ours, theirs, ratio } = await compare(file);
      figures[`ours_seconds_${name}`] = ours.seconds;
      figures[`lightgbm_seconds_${name}`] = theirs.seconds;
      figures[`ratio_${name}`] = ratio;
      figures[`ours_auc_${name}`] = ours.auc;
      figures[`lightgbm_auc_${name}`] = theirs.auc;
      figures[`ours_peak_mb_${name}`] = ours.peakMb;
      figures[`lightgbm_peak_mb_${name}`] = theirs.peakMb;
      aims[`ratio_${name}`] = { value: ratio, aim: 2.5, direction: 'atMost' };
      aims[`auc_below_lightgbm_${name}`] = { value: theirs.auc - ours.auc, aim: 0.003, direction: 'atMost' };
    }
    return { case: 'train', figures, aims };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function given(data: string): string[] {
  const files = readdirSync(data).filter((name) => name.endsWith('.parquet'));
  if (files.length === 0)
    throw new DomainError('PRN_CONFIG_INVALID', { problem: `--data: ${data} holds no *.parquet` });
  return files.sort().map((name) => join(data, name));
}

/** Columns with interactions, bends, few values and two missing values in a hundred; a quarter more rows than are trained on. */
async function generate(folder: string): Promise<string[]> {
  const tables = await openTableEngine({ dataDirectories: [folder], spillDirectory: join(folder, 'spill') });
  try {
    const files: string[] = [];
    for (const size of SIZES) {
      const file = join(folder, `${size / 1_000}k.parquet`);
      await tables.use((session) => session.execute(generatedSql(file, (size * 5) / 4)));
      files.push(file);
    }
    return files;
  } finally {
    await tables.close();
  }
}

function generatedSql(file: string, rows: number): string {
  const uniform = (salt: number): string => `(hash(i * 1000003 + ${salt}) % 1000003 / 1000003.0)`;
  const columns = Array.from({ length: FEATURES }, (_unused, column) =>
    column === 5 ? `round(6 * ${uniform(column)}) as x${column}` : `4 * ${uniform(column)} - 2 as x${column}`,
  );
  const seen = Array.from(
    { length: FEATURES },
    (_unused, column) =>
      `(case when ${uniform(100 + column)} < 0.02 then null else x${column} end)::real as f${column}`,
  );
  const score =
    'x0 * x1 + sin(2 * x2) + 0.8 * (x3 > 0.5 and x4 < 0)::integer + 0.3 * (x5 - 3) + ln(1 + abs(x6)) * x7 - 0.5 * abs(x8) + 0.2 * x9';
  return `copy (
    with x as (select i, ${columns.join(', ')} from range(${rows}) t(i))
    select ${seen.join(', ')}, (${uniform(999)} < 1 / (1 + exp(-(${score}))))::integer as label from x order by i
  ) to ${quoteText(file)} (format parquet)`;
}

/** Medians of rounds, in turns, so that a busy machine is busy for both. */
async function compare(file: string): Promise<{ ours: Trained; theirs: Trained; ratio: number }> {
  const rounds: { ours: Trained; theirs: Trained }[] = [];
  const args = [file, String(TREES), String(THREADS)];
  const own = fileURLToPath(new URL('./train-child.js', import.meta.url));
  const script = fileURLToPath(new URL('../../bench/train-lightgbm.py', import.meta.url));
  const python = await interpreter();
  for (let round = 0; round < ROUNDS; round += 1) {
    const theirs = await run(python, [script, ...args]);
    rounds.push({ theirs, ours: await run(process.execPath, [own, ...args]) });
  }
  const middle = (whose: 'ours' | 'theirs'): Trained => ({
    seconds: median(rounds.map((round) => round[whose].seconds)),
    auc: rounds[0]?.[whose].auc ?? Number.NaN,
    peakMb: median(rounds.map((round) => round[whose].peakMb)),
  });
  const ratio = median(rounds.map(({ ours, theirs }) => ours.seconds / theirs.seconds));
  return { ours: middle('ours'), theirs: middle('theirs'), ratio };
}

async function interpreter(): Promise<string> {
  const found = await findPythonEnvironment(fileURLToPath(new URL('../../', import.meta.url)));
  if (found !== undefined) return found.interpreter;
  throw new DomainError('PRN_CONFIG_INVALID', {
    problem: 'there is no Python environment with lightgbm; run `npm run setup`',
  });
}

async function run(command: string, args: readonly string[]): Promise<Trained> {
  const { stdout } = await promisify(execFile)(command, [...args]);
  return Trained.parse(JSON.parse(stdout));
}
