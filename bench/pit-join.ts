/**
 * `pit-join`: a million questions about ten million feature rows, next to a bare ASOF over rows that were de-duplicated
 * by event time, which neither knows when rows became known nor limits their age. Same data, same engine, same run.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DomainError } from '../domain/errors.js';
import { MICROS_PER_DAY } from '../domain/time.js';
import { quoteText } from '../ml/features/expression/sql.js';
import { pointInTimeJoin, type ViewJoin } from '../ml/features/point-in-time.js';
import type { TableEngine, TableSession } from '../store/contracts/tables.js';
import { openTableEngine } from '../store/tables/engine.js';
import { type Aim, type BenchmarkOptions, type BenchmarkReport, median } from './report.js';

const SPINE_ROWS = 1_000_000;
const FEATURE_ROWS = 10_000_000;
const KEYS = [10_000, 100_000] as const;
const FEATURES = ['f0', 'f1', 'f2', 'f3', 'f4'] as const;
const ROUNDS = 3;
const MAX_AGE_MICROS = 30 * MICROS_PER_DAY;
/** Of time between one feature row and the next, microseconds: ten million of them are three months. */
const STEP_MICROS = 777_600;
const MEMORY_LIMIT = '1500MB';

interface Files {
  readonly spine: string;
  readonly rows: string;
}

/** With `--data DIR`: `spine-KEYS.parquet` (row_id, airport, ts) and `rows-KEYS.parquet` (airport, event_ts, known_ts, seq, deleted, f0 … f4). */
export async function pitJoin({ data }: BenchmarkOptions): Promise<BenchmarkReport> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-bench-'));
  const tables = await openTableEngine({
    dataDirectories: data === null ? [folder] : [folder, data],
    spillDirectory: join(folder, 'spill'),
    memoryLimit: MEMORY_LIMIT,
  });
  const figures: Record<string, number> = {};
  const aims: Record<string, Aim> = {};
  try {
    for (const keys of KEYS) {
      const files = data === null ? await generate(tables, { folder, keys }) : given(data, keys);
      const { join: joinSeconds, bare: bareSeconds, ratio } = await compare(tables, { files, folder });
      const name = `${keys / 1_000}k_keys`;
      figures[`join_seconds_${name}`] = joinSeconds;
      figures[`bare_seconds_${name}`] = bareSeconds;
      figures[`ratio_${name}`] = ratio;
      aims[`ratio_${name}`] = { value: ratio, aim: 1.5, direction: 'atMost' };
    }
    figures['peak_rss_gb'] = peakRssGb();
    aims['peak_rss_gb'] = { value: peakRssGb(), aim: 3, direction: 'atMost' };
    return { case: 'pit-join', figures, aims };
  } finally {
    await tables.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function given(data: string, keys: number): Files {
  const files = { spine: join(data, `spine-${keys}.parquet`), rows: join(data, `rows-${keys}.parquet`) };
  const missing = Object.values(files).find((file) => !existsSync(file));
  if (missing === undefined) return files;
  throw new DomainError('PRN_CONFIG_INVALID', { problem: `--data: ${missing} does not exist` });
}

/** Every fiftieth row restates the one before it, up to ten days later. */
async function generate(tables: TableEngine, { folder, keys }: { folder: string; keys: number }): Promise<Files> {
  const files = { spine: join(folder, `spine-${keys}.parquet`), rows: join(folder, `rows-${keys}.parquet`) };
  const values = FEATURES.map((name, index) => `(hash(i * ${2 * index + 13}) % 1000 / 1000.0)::real as ${name}`);
  await tables.use(async (session) => {
    await session.execute(`copy (
      select 'k' || (hash(original * 7) % ${keys}) as airport, original * ${STEP_MICROS} as event_ts,
        original * ${STEP_MICROS} + 60000000 + case when original < i then (hash(i * 17) % ${10 * MICROS_PER_DAY})::bigint else 0 end as known_ts,
        i as seq, false as deleted, ${values.join(', ')}
      from (select i, case when i % 50 = 49 then i - 1 else i end as original from range(${FEATURE_ROWS}) t(i))
    ) to ${quoteText(files.rows)} (format parquet, compression zstd)`);
    await session.execute(`copy (
      select i as row_id, 'k' || (hash(i * 31) % ${keys}) as airport, (hash(i * 37) % ${FEATURE_ROWS * STEP_MICROS})::bigint as ts
      from range(${SPINE_ROWS}) t(i)
    ) to ${quoteText(files.spine)} (format parquet)`);
  });
  return files;
}

/** Medians of rounds, in turns, so that a busy machine is busy for both. */
async function compare(
  tables: TableEngine,
  { files, folder }: { files: Files; folder: string },
): Promise<{ join: number; bare: number; ratio: number }> {
  const view: ViewJoin = {
    chunks: [{ path: files.rows }],
    keys: [{ key: 'airport', type: 'string', column: 'airport' }],
    features: FEATURES.map((feature) => ({ feature, type: 'float', output: feature })),
    maxAgeMicros: MAX_AGE_MICROS,
  };
  const rounds: { join: number; bare: number }[] = [];
  await tables.use(async (session) => {
    await session.execute(
      `create or replace temp table spine as select * from read_parquet(${quoteText(files.spine)})`,
    );
    for (let round = 0; round < ROUNDS; round += 1) {
      const out = join(folder, 'out.parquet');
      const bare = await timed(session, { sql: bareJoin(files), out });
      const known = await timed(session, { sql: pointInTimeJoin({ relation: 'spine', timeColumn: 'ts' }, view), out });
      rounds.push({ join: known, bare });
    }
  });
  return {
    join: median(rounds.map((round) => round.join)),
    bare: median(rounds.map((round) => round.bare)),
    ratio: median(rounds.map((round) => round.join / round.bare)),
  };
}

function bareJoin({ rows }: Files): string {
  const columns = FEATURES.map((name) => `v.${name}`).join(', ');
  return `with v as (
      select * from read_parquet(${quoteText(rows)})
      qualify row_number() over (partition by airport, event_ts order by known_ts desc, seq desc) = 1)
    select s.*, ${columns} from spine s asof left join v on s.airport = v.airport and s.ts >= v.event_ts`;
}

/** Seconds until the answer is in a file, with all rows of the spine. */
async function timed(session: TableSession, { sql, out }: { sql: string; out: string }): Promise<number> {
  const startedMs = performance.now();
  await session.execute(`copy (${sql}) to ${quoteText(out)} (format parquet)`);
  const seconds = (performance.now() - startedMs) / 1_000;
  const [asked] = await session.rows('select count(*) as rows from spine');
  const [answered] = await session.rows(`select count(*) as rows from read_parquet(${quoteText(out)})`);
  if (asked?.['rows'] === answered?.['rows']) return seconds;
  throw new DomainError('PRN_RETRIEVAL_ROWS', { expected: asked?.['rows'], actual: answered?.['rows'] });
}

/** The most memory this process ever held. */
function peakRssGb(): number {
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return peak === undefined ? process.resourceUsage().maxRSS / 2 ** 20 : Number(peak) / 2 ** 20;
}
