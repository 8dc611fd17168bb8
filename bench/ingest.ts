/** `ingest`: a CSV file validated, profiled and written as Parquet, next to a bare DuckDB copy of it, in turn, in one run. */
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { DuckDBInstance } from '@duckdb/node-api';
import { prepareSegment } from '../activities/jobs/prepare-segment.js';
import { quoteText } from '../ml/features/expression/sql.js';
import { openFileArtifacts } from '../store/artifacts/file.js';
import { openTableEngine } from '../store/tables/engine.js';
import { type IngestTable, makeTable, readTables } from './ingest-tables.js';
import { type Aim, type BenchmarkReport, median } from './report.js';

const ROUNDS = 3;

/** `data`: a folder whose `*.parquet` files are turned into CSV first; made orders without it. */
export async function ingest({ data }: { readonly data: string | null }): Promise<BenchmarkReport> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-bench-'));
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', temp_directory: join(folder, 'spill') });
  const connection = await instance.connect();
  await connection.run(`set timezone = 'UTC'`);
  try {
    const tables = data === null ? [await makeTable(connection, folder)] : await readTables(connection, data, folder);
    const figures: Record<string, number> = {};
    const aims: Record<string, Aim> = {};
    const bare = async (table: IngestTable): Promise<void> => {
      const target = quoteText(join(folder, 'bare.parquet'));
      await connection.run(
        `copy (select * from read_csv(${quoteText(table.csv)})) to ${target} (format parquet, compression zstd)`,
      );
    };
    for (const table of tables) {
      const { ours, theirs } = await race(table, { folder, bare });
      const prefix = data === null ? '' : `${table.name}_`;
      figures[`${prefix}rows`] = table.rows;
      figures[`${prefix}csv_mb`] = Math.round((await stat(table.csv)).size / 1e6);
      figures[`${prefix}bare_copy_seconds`] = median(theirs.map(({ wall }) => wall));
      figures[`${prefix}ingest_seconds`] = median(ours.map(({ wall }) => wall));
      figures[`${prefix}bare_copy_cpu_seconds`] = median(theirs.map(({ cpu }) => cpu));
      figures[`${prefix}ingest_cpu_seconds`] = median(ours.map(({ cpu }) => cpu));
      figures[`${prefix}ingest_to_bare_copy_cpu`] = ratioOf('cpu', { ours, theirs });
      figures[`${prefix}rows_per_second`] = Math.round(table.rows / median(ours.map(({ wall }) => wall)));
      const ratio = ratioOf('wall', { ours, theirs });
      aims[`${prefix}ingest_to_bare_copy`] = { value: ratio, aim: 3, direction: 'atMost' };
    }
    return { case: 'ingest', figures, aims };
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Seconds that passed, and that all threads of the process worked. The latter say more on a machine with other work. */
interface Seconds {
  readonly wall: number;
  readonly cpu: number;
}

interface Rounds {
  readonly ours: Seconds[];
  readonly theirs: Seconds[];
}

function ratioOf(kind: keyof Seconds, { ours, theirs }: Rounds): number {
  return median(ours.map((seconds, round) => seconds[kind] / (theirs[round]?.[kind] ?? Number.NaN)));
}

/** Of each round after a first one that fills caches. */
async function race(
  table: IngestTable,
  { folder, bare }: { folder: string; bare: (table: IngestTable) => Promise<void> },
): Promise<Rounds> {
  const [ours, theirs]: [Seconds[], Seconds[]] = [[], []];
  for (let round = 0; round <= ROUNDS; round += 1) {
    theirs.push(await timed(() => bare(table)));
    ours.push(await ingestOnce(table, join(folder, `round-${round}`)));
  }
  return { ours: ours.slice(1), theirs: theirs.slice(1) };
}

/** With an engine and a store of its own, as a worker has them; only the job itself is timed. */
async function ingestOnce({ name, csv, spec }: IngestTable, folder: string): Promise<Seconds> {
  for (const part of ['artifacts', 'spill']) await mkdir(join(folder, part), { recursive: true });
  const artifacts = openFileArtifacts(join(folder, 'artifacts'));
  const dataDirectories = [join(folder, 'artifacts')];
  const tables = await openTableEngine({ dataDirectories, spillDirectory: join(folder, 'spill'), threads: 2 });
  const context = { tables, artifacts, progress: () => undefined, signal: new AbortController().signal };
  const source = { dataset: name, revision: 1, spec, sourceUri: csv, sourceFolders: [join(csv, '..')] };
  try {
    return await timed(async () => {
      const prepared = await prepareSegment(source, context);
      if (prepared.outcome !== 'accepted') throw new Error(`the source was ${prepared.outcome}`);
    });
  } finally {
    await tables.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function timed(work: () => Promise<void>): Promise<Seconds> {
  const [start, before] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  return { wall: (performance.now() - start) / 1_000, cpu: (user + system) / 1_000_000 };
}
