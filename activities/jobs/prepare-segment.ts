/** CPU body of ingestion: one source in, accepted and quarantined rows out as Parquet, with report and profile. */
import { MEDIA_TYPES } from '../../domain/artifact.js';
import type { ColumnProfile, DatasetSpec, ExpectationResult, Segment } from '../../domain/dataset.js';
import { DomainError } from '../../domain/errors.js';
import { naturalKeyId } from '../../domain/ids.js';
import { quoteText } from '../../ml/features/expression/sql.js';
import { profileColumns } from '../../ml/features/profile-sql.js';
import { attemptSource, describeSource } from '../../ml/features/source-sql.js';
import {
  acceptedBounds,
  acceptedRows,
  type CheckCounts,
  countChecks,
  judgedRows,
  quarantinedRows,
  repeatedRows,
  rowRules,
  uniqueCounts,
} from '../../ml/features/validation-sql.js';
import type { TableSession } from '../../store/contracts/tables.js';
import type { PreparedSegment, RefusedSegment } from '../../workflows/contracts/dataset.js';
import { putJson } from '../json-artifacts.js';
import type { JobContext } from './context.js';
import { sha256Hex } from './source-file.js';
import type { OpenedSource, SourceFile, SourceRequest } from './sources/contract.js';
import { readHeader } from './sources/delimited-header.js';
import { openSource } from './sources/open-source.js';
import { judgeReport } from './validation-report.js';

/** Raised when the same bytes would be read differently: part of every segment id. */
const READER_VERSION = 1;

export interface PrepareSegmentInput extends Omit<SourceRequest, 'format'> {
  readonly dataset: string;
  readonly revision: number;
  readonly spec: DatasetSpec;
}

/** An ordered source had nothing beyond what was read before. */
export interface NothingNew {
  readonly outcome: 'nothing';
  readonly revision: number;
}

export async function prepareSegment(
  input: PrepareSegmentInput,
  context: JobContext,
): Promise<PreparedSegment | RefusedSegment | NothingNew> {
  const { dataset, revision, spec } = input;
  const source = await openSource({ ...input, format: spec.format }, context);
  if (source.files.length === 0) return { outcome: 'nothing', revision };
  context.progress({ message: 'source read' });
  try {
    return await context.tables.use(async (session) => {
      await loadSource(session, { spec, files: source.files, dataset });
      context.progress({ message: 'rows validated' });
      const counts = await readCounts(session, spec);
      const report = await judgeRules(session, spec, counts);
      const verdict = judgeReport(spec, report, counts);
      if (verdict.failures.length > 0) return { outcome: 'refused', revision, failures: verdict.failures };
      const segment = await writeSegment(session, { input, source, report, counts }, context);
      return {
        outcome: 'accepted',
        segment: await putJson(context.artifacts, segment),
        revision,
        accepted: segment.accepted,
        quarantined: segment.quarantined,
        warnings: verdict.warnings,
      };
    }, context.signal);
  } finally {
    await source.remove();
  }
}

interface LoadInput {
  readonly spec: DatasetSpec;
  readonly files: readonly SourceFile[];
  readonly dataset: string;
}

/** Leaves a temporary table `judged`: typed columns, source row number, and the names of all failed rules. */
async function loadSource(session: TableSession, { spec, files, dataset }: LoadInput): Promise<void> {
  for (const [index, file] of files.entries()) {
    const [counted] = index === 0 ? [] : await session.rows('select count(*) as n from raw');
    await readable(file, () => loadFile(session, file, { spec, dataset, rowsBefore: Number(counted?.['n'] ?? 0) }));
  }
  await session.execute(`create temp table judged as ${judgedRows(spec)}`);
  await session.execute('drop table raw');
}

/** Adds the rows of one file to the temporary table `raw`, which the first file makes. */
async function loadFile(
  session: TableSession,
  file: SourceFile,
  { spec, dataset, rowsBefore }: { spec: DatasetSpec; dataset: string; rowsBefore: number },
): Promise<void> {
  const source = { ...file, header: await readHeader(file, session) };
  const found = await session.rows(describeSource(source));
  const names = found.map((row) => String(row['column_name']));
  const missing = spec.columns.filter((column) => !names.includes(column.from ?? column.name));
  if (missing.length > 0) {
    const problem = `column ${missing.map((column) => column.from ?? column.name).join(', ')} is missing`;
    const expected = spec.columns.map((column) => column.from ?? column.name).join(', ');
    const got = names.join(', ');
    throw new DomainError('PRN_DATASET_SCHEMA_MISMATCH', { uri: file.uri, dataset, problem, expected, got });
  }
  const types = Object.fromEntries(found.map((row) => [String(row['column_name']), String(row['column_type'])]));
  const rows = attemptSource(spec, source, { types, rowsBefore });
  await session.execute(rowsBefore === 0 ? `create or replace temp table raw as ${rows}` : `insert into raw ${rows}`);
}

/** Reader errors name the file, and the line where the reader knows it. */
async function readable<T>({ uri, format }: SourceFile, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== 'PRN_TABLE_QUERY_FAILED') throw error;
    const reason = firstSentence(String(error.details['reason']));
    const line = /line:? (\d+)/i.exec(String(error.details['reason']))?.[1];
    throw new DomainError(
      'PRN_DATASET_SOURCE_UNREADABLE',
      { uri, format, line: line === undefined ? '' : `, line ${line}`, reason },
      { cause: error },
    );
  }
}

/** The reader's own words without its private copy's path and without advice about its options. */
function firstSentence(reason: string): string {
  return (reason.split('\n')[0] ?? '').replace(/"[^"]*scratch[^"]*"/g, 'the source').replace(/\.+$/, '');
}

async function readCounts(session: TableSession, spec: DatasetSpec): Promise<CheckCounts> {
  const [row] = await session.rows(countChecks(spec));
  const numbers = Object.fromEntries(Object.entries(row ?? {}).map(([name, value]) => [name, Number(value ?? 0)]));
  return { rows: numbers['rows'] ?? 0, quarantined: numbers['quarantined'] ?? 0, failing: numbers };
}

async function judgeRules(session: TableSession, spec: DatasetSpec, counts: CheckCounts): Promise<ExpectationResult[]> {
  const results: ExpectationResult[] = [];
  for (const rule of rowRules(spec)) {
    const failing = counts.failing[rule.key] ?? 0;
    const samples = failing === 0 ? [] : await session.rows(rule.samplesSql);
    results.push(
      judgeRule({
        name: rule.name,
        action: rule.action,
        mostly: rule.mostly,
        failing,
        rows: counts.rows,
        samples: samples.map((row) => String(row['sample'])),
      }),
    );
  }
  for (const rule of spec.expectations) {
    if (rule.unique === undefined) continue;
    const [row] = await session.rows(uniqueCounts(rule.unique));
    const failing = Number(row?.['failing'] ?? 0);
    const repeated = failing === 0 ? [] : await session.rows(repeatedRows(rule.unique));
    const samples = repeated.map((each) => String(each['sample']));
    results.push(
      judgeRule({ name: rule.name, action: rule.action, mostly: rule.mostly, failing, rows: counts.rows, samples }),
    );
  }
  return results;
}

function judgeRule(rule: {
  name: string;
  action: ExpectationResult['action'];
  mostly: number;
  failing: number;
  rows: number;
  samples: string[];
}): ExpectationResult {
  const { name, action, mostly, failing, rows, samples } = rule;
  const share = rows === 0 ? 1 : 1 - failing / rows;
  const broken = action === 'quarantine' ? failing > 0 : share < mostly;
  const verdicts = { quarantine: 'quarantined', warn: 'warned', fail: 'failed' } as const;
  const examples = samples.length === 0 ? '' : `, such as ${samples.slice(0, 3).join('; ')}`;
  const message =
    failing === 0 ? `${name}: all ${rows} rows pass` : `${name}: ${failing} of ${rows} rows fail${examples}`;
  return { name, action, verdict: broken ? verdicts[action] : 'passed', rows, failing, samples, message };
}

async function writeSegment(
  session: TableSession,
  facts: { input: PrepareSegmentInput; source: OpenedSource; report: ExpectationResult[]; counts: CheckCounts },
  { artifacts, progress }: JobContext,
): Promise<Segment> {
  const { input, source, report, counts } = facts;
  const { dataset, revision, spec, sourceUri } = input;
  const acceptedPath = await artifacts.scratchPath('parquet');
  await session.execute(
    `copy (${acceptedRows(spec)}) to ${quoteText(acceptedPath)} (format parquet, compression zstd)`,
  );
  const table = await artifacts.adopt(acceptedPath, MEDIA_TYPES.parquet);
  progress({ message: 'accepted rows written' });
  let quarantineTable = null;
  if (counts.quarantined > 0) {
    const quarantinePath = await artifacts.scratchPath('parquet');
    await session.execute(`copy (${quarantinedRows()}) to ${quoteText(quarantinePath)} (format parquet)`);
    quarantineTable = await artifacts.adopt(quarantinePath, MEDIA_TYPES.parquet);
  }
  const [bounds] = await session.rows(acceptedBounds(spec));
  const profile: ColumnProfile[] = await readProfile(session, spec);
  const number = (name: string): number => Number(bounds?.[name] ?? 0);
  return {
    segmentId: naturalKeyId(sha256Hex, ['segment', dataset, source.sha256, revision, READER_VERSION]),
    dataset,
    sourceUri,
    sourceSha256: source.sha256,
    files: source.files.map(({ uri, sha256, bytes }) => ({ uri, sha256, bytes })),
    inputs: [...source.inputs],
    highWater: source.highWater,
    accepted: counts.rows - counts.quarantined,
    quarantined: counts.quarantined,
    minEventTs: number('min_event'),
    maxEventTs: number('max_event'),
    minKnownTs: number('min_known'),
    maxKnownTs: number('max_known'),
    knowledge: spec.knowledge.from === 'commit' ? 'observed' : 'declared',
    table,
    quarantineTable,
    report,
    profile: await putJson(artifacts, profile),
  };
}

async function readProfile(session: TableSession, spec: DatasetSpec): Promise<ColumnProfile[]> {
  const profiles: ColumnProfile[] = [];
  for (const { column, statistics, top } of profileColumns(spec)) {
    const [row] = await session.rows(statistics);
    const number = (name: string): number | null => (row?.[name] == null ? null : Number(row[name]));
    const frequent = top === null ? [] : await session.rows(top);
    profiles.push({
      name: column.name,
      type: column.type,
      count: number('count') ?? 0,
      nulls: number('nulls') ?? 0,
      distinct: number('distinct_values') ?? 0,
      min: number('min'),
      max: number('max'),
      mean: number('mean'),
      standardDeviation: number('standard_deviation'),
      top: frequent.map((each) => ({ value: String(each['value']), count: Number(each['count']) })),
    });
  }
  return profiles;
}
