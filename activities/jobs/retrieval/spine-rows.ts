/** Where the rows of a spine come from: a pinned dataset version, a file, or the request itself. */
import { rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DatasetSpec } from '../../../domain/dataset.js';
import { DomainError } from '../../../domain/errors.js';
import { COLUMN_SQL_TYPES } from '../../../ml/features/column-sql.js';
import { datasetRelation, ROW as DATASET_ROW } from '../../../ml/features/dataset-sql.js';
import { quoteIdentifier } from '../../../ml/features/expression/sql.js';
import { describeSource, scan } from '../../../ml/features/source-sql.js';
import type { SourceColumn } from '../../../ml/features/spine-sql.js';
import type { TableSession } from '../../../store/contracts/tables.js';
import type { JobContext } from '../context.js';
import { readable } from '../load-source.js';
import { localSegments, type SegmentReference } from '../segments.js';
import type { SourceRequest } from '../sources/contract.js';
import { readHeader } from '../sources/delimited-header.js';
import { openSource } from '../sources/open-source.js';

export type SpineOrigin =
  | {
      readonly kind: 'dataset';
      readonly dataset: string;
      readonly spec: DatasetSpec;
      readonly segments: readonly SegmentReference[];
      /** Microseconds, both ends inside; null for no limit. */
      readonly from: number | null;
      readonly to: number | null;
    }
  | { readonly kind: 'source'; readonly request: Omit<SourceRequest, 'format'> }
  | { readonly kind: 'rows'; readonly rows: readonly Readonly<Record<string, unknown>>[] };

export interface SpineRelation {
  /** For messages. */
  readonly name: string;
  readonly relation: string;
  readonly columns: readonly SourceColumn[];
}

interface Reading {
  readonly session: TableSession;
  readonly context: JobContext;
}

/** Gives the rows in their order while the body runs. Throws `PRN_DATASET_SOURCE_*`. */
export async function withSpineRows<T>(
  origin: SpineOrigin,
  reading: Reading,
  body: (rows: SpineRelation) => Promise<T>,
): Promise<T> {
  if (origin.kind === 'dataset') return body(await datasetRows(origin, reading.context));
  if (origin.kind === 'source') return withFile(origin.request, reading, body);
  const path = await reading.context.artifacts.scratchPath('ndjson');
  await writeFile(path, origin.rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  try {
    const request = { sourceUri: path, sourceFolders: [dirname(path)] };
    return await withFile(request, reading, (rows) => body({ ...rows, name: 'of the request' }));
  } finally {
    await rm(path, { force: true });
  }
}

/** Rows as they stand, without those that were restated later, in the order in which they came. */
async function datasetRows(
  { dataset, spec, segments, from, to }: Extract<SpineOrigin, { kind: 'dataset' }>,
  { artifacts }: JobContext,
): Promise<SpineRelation> {
  const time = quoteIdentifier(spec.eventTime);
  const conditions = [`${DATASET_ROW.supersededTs} is null`];
  if (from !== null) conditions.push(`${time} >= ${from}`);
  if (to !== null) conditions.push(`${time} <= ${to}`);
  const rows = datasetRelation(spec, await localSegments(artifacts, segments));
  const names = spec.columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  const order = `order by ${DATASET_ROW.commitSeq}, ${DATASET_ROW.seq}`;
  return {
    name: `dataset ${dataset}`,
    relation: `(select ${names} from ${rows} where ${conditions.join(' and ')} ${order})`,
    columns: spec.columns.map(({ name, type }) => ({ name, sourceType: COLUMN_SQL_TYPES[type].toUpperCase() })),
  };
}

async function withFile<T>(
  request: Omit<SourceRequest, 'format'>,
  { session, context }: Reading,
  body: (rows: SpineRelation) => Promise<T>,
): Promise<T> {
  const { sourceUri: uri } = request;
  const source = await openSource({ ...request, format: undefined }, context);
  try {
    const [file, another] = source.files;
    if (file === undefined || another !== undefined) throw new DomainError('PRN_DATASET_SOURCE_MISSING', { uri });
    return await readable({ ...file, uri }, async () => {
      const scanned = { ...file, header: await readHeader(file, session) };
      const found = await session.rows(describeSource(scanned));
      const columns = found.map((row) => {
        return { name: String(row['column_name']), sourceType: String(row['column_type']) };
      });
      return body({ name: uri, relation: scan(scanned), columns });
    });
  } finally {
    await source.remove();
  }
}
