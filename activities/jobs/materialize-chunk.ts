/** CPU body of materialisation: the feature rows of a stretch of cuts, as Parquet. */
import { MEDIA_TYPES } from '../../domain/artifact.js';
import type { DatasetSpec } from '../../domain/dataset.js';
import { type FeatureViewSpec, requireWindowedView } from '../../domain/feature-view.js';
import { datasetRelation } from '../../ml/features/dataset-sql.js';
import { quoteText } from '../../ml/features/expression/sql.js';
import { windowedFeatures } from '../../ml/features/window-sql.js';
import type { ComputedChunk, MaterializationPlan, PlannedChunk } from '../../workflows/contracts/features.js';
import type { JobContext } from './context.js';
import { localSegments, type SegmentReference } from './segments.js';

export interface MaterializeChunkInput {
  readonly plan: Omit<MaterializationPlan, 'chunks'>;
  readonly chunk: PlannedChunk;
  readonly view: FeatureViewSpec;
  readonly dataset: DatasetSpec;
  readonly segments: readonly SegmentReference[];
}

export async function materializeChunk(input: MaterializeChunkInput, context: JobContext): Promise<ComputedChunk> {
  const { plan, chunk, view, dataset } = input;
  const { artifacts, tables, signal, progress } = context;
  const files = await localSegments(artifacts, input.segments);
  const rows = datasetRelation(dataset, files);
  const { fromCut, toCut } = chunk;
  const windowed = requireWindowedView(plan.view, view);
  const sql = windowedFeatures({ view: windowed, dataset, rows, fromCut, toCut, commitSeq: plan.commitSeq });
  const path = await artifacts.scratchPath('parquet');
  progress({ message: `computing cuts from ${chunk.fromCut}` });
  const count = await tables.use(async (session) => {
    await session.execute(`copy (${sql}) to ${quoteText(path)} (format parquet, compression zstd)`);
    const [counted] = await session.rows(`select count(*) as rows from read_parquet(${quoteText(path)})`);
    return Number(counted?.['rows'] ?? 0);
  }, signal);
  const table = await artifacts.adopt(path, MEDIA_TYPES.parquet);
  const { view: name, viewRevision, datasetVersionId, commitSeq } = plan;
  return {
    view: name,
    chunkId: chunk.chunkId,
    commitSeq,
    datasetVersionId,
    viewRevision,
    fromCut: chunk.fromCut,
    toCut: chunk.toCut,
    rows: count,
    table,
  };
}
