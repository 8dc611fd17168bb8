/** CPU body of materialisation: the feature rows of a stretch of cuts or of commits, as Parquet, read back and compared. */
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import type { DatasetSpec } from '../../domain/dataset.js';
import { DomainError } from '../../domain/errors.js';
import { type EntityKey, type FeatureViewSpec, requireWindowedView } from '../../domain/feature-view.js';
import type { NewChunk } from '../../domain/materialization.js';
import { datasetRelation } from '../../ml/features/dataset-sql.js';
import { quoteText } from '../../ml/features/expression/sql.js';
import { rowFeatures } from '../../ml/features/feature-row-sql.js';
import { windowedFeatures } from '../../ml/features/window-sql.js';
import type { ArtifactStore } from '../../store/contracts/artifacts.js';
import type { TableSession } from '../../store/contracts/tables.js';
import type { MaterializedVersion, PlannedChunk } from '../../workflows/contracts/features.js';
import type { JobContext } from './context.js';
import { localSegments, type SegmentReference } from './segments.js';

export interface MaterializeChunkInput {
  readonly at: MaterializedVersion;
  readonly chunk: PlannedChunk;
  readonly view: FeatureViewSpec;
  readonly entityKeys: readonly EntityKey[];
  readonly dataset: DatasetSpec;
  /** Those of the version, and before them those that it replaced. */
  readonly segments: readonly SegmentReference[];
}

export async function materializeChunk(input: MaterializeChunkInput, context: JobContext): Promise<NewChunk> {
  const { at, chunk, segments } = input;
  const { artifacts, tables, signal, progress } = context;
  const { view, viewRevision, version } = at;
  if (version === null) throw new DomainError('PRN_DATASET_EMPTY', { dataset: at.dataset, hint: '' });
  const { versionId: datasetVersionId, commitSeq, sinceSeq } = version;
  const sql = chunkSql(input, datasetRelation(input.dataset, await localSegments(artifacts, segments)));
  progress({ message: `computing chunk ${chunk.chunkId}` });
  const written = await tables.use((session) => writeVerified(session, artifacts, sql), signal);
  const shared = { view, chunkId: chunk.chunkId, viewRevision, datasetVersionId, sinceSeq, ...written.facts };
  if ('fromCut' in chunk) {
    const { fromCut, toCut } = chunk;
    return { ...shared, content: 'cuts', commitSeq, fromCut, toCut, table: written.table };
  }
  const { fromCommit, toCommit, piece } = chunk;
  const part = piece === null ? {} : { fromRow: piece.fromRow };
  const { firstTs: fromCut, lastTs: toCut, table } = written;
  const span = { fromCommit, ...part, commitSeq: toCommit, fromCut, toCut };
  return { ...shared, content: 'rows', ...span, table, ...(withdraws(segments) && { withdraws: true }) };
}

function withdraws(segments: readonly SegmentReference[]): boolean {
  return segments.some(({ replacedTs }) => replacedTs !== undefined);
}

function chunkSql({ at, chunk, view, dataset, entityKeys, segments }: MaterializeChunkInput, rows: string): string {
  if (!('fromCut' in chunk))
    return rowFeatures({ view, dataset, rows, entityKeys, ...chunk, withdraws: withdraws(segments) });
  const { fromCut, toCut } = chunk;
  const commitSeq = at.version?.commitSeq ?? 0;
  return windowedFeatures({
    view: requireWindowedView(at.view, view),
    dataset,
    rows,
    fromCut,
    toCut,
    commitSeq,
    entityKeys,
  });
}

export interface WrittenRows {
  readonly table: ArtifactRef;
  readonly facts: { readonly rows: number; readonly checksum: string };
  /** Of the rows; 0 where there are none. */
  readonly firstTs: number;
  readonly lastTs: number;
}

/** Rows as Parquet in the artefact store: counted and summed up before they are written, and again as they are read back. */
export async function writeVerified(
  session: TableSession,
  artifacts: ArtifactStore,
  sql: string,
): Promise<WrittenRows> {
  const path = await artifacts.scratchPath('parquet');
  await session.execute(`create or replace temp table chunk as ${sql}`);
  const computed = await summarise(session, 'chunk');
  await session.execute(`copy chunk to ${quoteText(path)} (format parquet, compression zstd)`);
  await session.execute('drop table chunk');
  const table = await artifacts.adopt(path, MEDIA_TYPES.parquet);
  const stored = await summarise(session, `read_parquet(${quoteText(await artifacts.localPath(table))})`);
  const same = stored.facts.rows === computed.facts.rows && stored.facts.checksum === computed.facts.checksum;
  if (same) return { table, ...stored };
  const [actual, expected] = [stored, computed].map(({ facts }) => `${facts.rows} rows ${facts.checksum}`);
  throw new DomainError('PRN_ARTIFACT_CORRUPT', { uri: table.uri, actual, expected });
}

async function summarise(session: TableSession, relation: string): Promise<Omit<WrittenRows, 'table'>> {
  const [row] = await session.rows(
    `select count(*) as rows, coalesce(sum(hash(r)::hugeint), 0)::varchar as checksum,
      coalesce(min(event_ts), 0) as first, coalesce(max(event_ts), 0) as last from ${relation} r`,
  );
  return {
    facts: { rows: Number(row?.['rows'] ?? 0), checksum: String(row?.['checksum']) },
    firstTs: Number(row?.['first'] ?? 0),
    lastTs: Number(row?.['last'] ?? 0),
  };
}
