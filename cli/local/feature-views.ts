/** Feature rows of a view over local files, by the SQL of the materialisation. */
import type { JobContext } from '../../activities/jobs/context.js';
import { type EntityKey, type FeatureViewSpec, isWindowedView, type WindowedView } from '../../domain/feature-view.js';
import { COLUMN_SQL_TYPES } from '../../ml/features/column-sql.js';
import { type CutRange, planCuts } from '../../ml/features/cut-planning.js';
import { datasetRelation } from '../../ml/features/dataset-sql.js';
import { quoteIdentifier, quoteText } from '../../ml/features/expression/sql.js';
import { rowFeatures } from '../../ml/features/feature-row-sql.js';
import { coerceKey } from '../../ml/features/spine-sql.js';
import { windowedFeatures } from '../../ml/features/window-sql.js';
import type { TableSession } from '../../store/contracts/tables.js';
import type { LocalDataset } from './dataset-tables.js';

/** `latest` also lets in what became known only after the question: more rows, and a leak. */
export type Knowledge = 'as-known' | 'latest';

export interface ViewRequest {
  readonly view: FeatureViewSpec;
  /** Of its entity. */
  readonly keys: readonly EntityKey[];
  readonly dataset: LocalDataset;
  /** The last time that is asked about, microseconds. */
  readonly through: number;
  readonly knowledge: Knowledge;
}

/** Paths of Parquet files with all feature rows that a question up to `through` can see. */
export async function computeView(
  session: TableSession,
  { artifacts }: JobContext,
  request: ViewRequest,
): Promise<string[]> {
  const { view, dataset, knowledge } = request;
  const rows = datasetRelation(dataset.spec, dataset.files);
  const queries = isWindowedView(view)
    ? cutRange(view, request).map(({ fromCut, toCut }) => {
        const seen = knowledge === 'latest' ? ('latest' as const) : ('at-cut' as const);
        const commitSeq = dataset.commits;
        return windowedFeatures({ view, dataset: dataset.spec, rows, fromCut, toCut, commitSeq, knowledge: seen });
      })
    : [rowFeatures({ view, dataset: dataset.spec, rows, fromCommit: 1, toCommit: dataset.commits })];
  const keys = request.keys.map(
    (key) =>
      `${coerceKey({ ...key, sourceType: keyType(request, key.name) }, key.type).value} as ${quoteIdentifier(key.name)}`,
  );
  const typed = keys.length === 0 ? '' : `replace (${keys.join(', ')})`;
  const paths: string[] = [];
  for (const query of queries) {
    const path = await artifacts.scratchPath('parquet');
    await session.execute(`copy (select * ${typed} from (${query})) to ${quoteText(path)} (format parquet)`);
    paths.push(path);
  }
  return paths;
}

/** How the dataset keeps the column of a key, which the entity may declare otherwise. */
function keyType({ view, dataset }: ViewRequest, key: string): string {
  const column = dataset.spec.columns.find(({ name }) => name === view.keys[key]);
  return column === undefined ? 'VARCHAR' : COLUMN_SQL_TYPES[column.type].toUpperCase();
}

/** From the first cut that can hold a row to the last one that is asked about, at once: nothing need be resumed here. */
function cutRange(spec: WindowedView, { dataset, through, knowledge }: ViewRequest): CutRange[] {
  const segments = dataset.files.flatMap(({ commitSeq, commitKnownTs }, index) => {
    const segment = dataset.segments[index];
    if (segment === undefined) return [];
    const { minEventTs, maxEventTs, minKnownTs } = segment;
    // With latest knowledge a cut sees rows from their event on.
    const firstKnownTs = knowledge === 'latest' ? minEventTs : minKnownTs;
    return [{ commitSeq, commitKnownTs, minEventTs, maxEventTs, minKnownTs: firstKnownTs }];
  });
  const ranges = planCuts({ spec, segments, chunks: [], through });
  const [first, last] = [ranges[0], ranges.at(-1)];
  return first === undefined || last === undefined ? [] : [{ fromCut: first.fromCut, toCut: last.toCut }];
}
