/** Datasets: named tables with a schema, expectations and a rule for when a row became knowable. */
import { z } from 'zod';
import { ArtifactRef } from './artifact.js';
import { DatasetQuery, DatasetSource } from './dataset-source.js';
import { Duration, durationMicros } from './duration.js';
import { Expectation } from './expectations.js';
import { ColumnName, Name } from './names.js';
import { QuarantinePolicy } from './quarantine.js';

/** Logical column types. Timestamps are stored as BIGINT microseconds UTC, so that arithmetic is exact everywhere. */
export const ColumnType = z.enum(['float', 'integer', 'string', 'boolean', 'timestamp']);
export type ColumnType = z.infer<typeof ColumnType>;

export const DatasetColumn = z.strictObject({
  name: ColumnName,
  type: ColumnType,
  nullable: z.boolean().default(false),
  /** Column of the source file, where its name differs. */
  from: z.string().min(1).optional(),
  description: z.string().optional(),
});
export type DatasetColumn = z.infer<typeof DatasetColumn>;

/** True for names that no declared column may have: those of the platform beside it, and by which the engine numbers rows. */
export function isPlatformColumn(name: string): boolean {
  return /^(__.*|rowid)$/i.test(name);
}

const DatasetColumns = z
  .array(DatasetColumn)
  .min(1)
  .superRefine((columns, context) => {
    const lower = columns.map(({ name }) => name.toLowerCase());
    for (const [index, { name }] of columns.entries()) {
      const first = columns[lower.indexOf(name.toLowerCase())]?.name ?? name;
      const path = [index, 'name'];
      if (isPlatformColumn(name))
        context.addIssue({
          code: 'custom',
          path,
          message: `${name} is a name of the platform's own: choose another and give \`from: ${name}\``,
        });
      if (lower.indexOf(name.toLowerCase()) < index)
        context.addIssue({
          code: 'custom',
          path,
          message: `${name} repeats the column ${first}: names must differ in more than the case of letters`,
        });
    }
  });

/** When a row could first have been used: at commit (observed), or declared by a column or by event time plus a delay. */
export const Knowledge = z.discriminatedUnion('from', [
  z.strictObject({ from: z.literal('commit') }),
  z.strictObject({ from: z.literal('column'), column: ColumnName }),
  z.strictObject({ from: z.literal('event'), delay: Duration }),
]);
export type Knowledge = z.infer<typeof Knowledge>;

/** `json` is one array of objects, `ndjson` one object on each line. */
export const FileFormat = z.enum(['parquet', 'csv', 'tsv', 'json', 'ndjson']);
export type FileFormat = z.infer<typeof FileFormat>;

export const DatasetSpec = z
  .strictObject({
    columns: DatasetColumns,
    eventTime: ColumnName,
    /** Columns that identify a row; a second row with the same key and event time is a restatement. */
    keys: z.array(ColumnName).default([]),
    knowledge: Knowledge.default({ from: 'commit' }),
    /** Read from the name of each file where it is left out. */
    format: FileFormat.optional(),
    /** What an ingestion reads that names no source. */
    source: DatasetSource.optional(),
    /** Rows made of other datasets; run again whenever one of them has a new version. */
    query: DatasetQuery.optional(),
    /** Whether an ingestion adds its rows (default) or puts them in the place of all others (default of a query). */
    mode: z.enum(['append', 'replace']).optional(),
    /** Ingests the declared source again and again. */
    schedule: z
      .strictObject({
        every: Duration.refine((every) => durationMicros(every) >= 1_000_000, 'expected at least 1s'),
      })
      .optional(),
    expectations: z.array(Expectation).default([]),
    /** Share of quarantined rows above which the whole source is refused. */
    maxQuarantined: z.number().min(0).max(1).default(0.1),
    quarantine: QuarantinePolicy.prefault({}),
  })
  .refine(({ source, query }) => source === undefined || query === undefined, 'give either source or query')
  .refine(({ query, mode }) => query === undefined || mode !== 'append', 'a query always replaces: leave mode out')
  .refine(
    ({ source, query, schedule }) => schedule === undefined || source !== undefined || query !== undefined,
    'schedule needs a source or a query',
  );
export type DatasetSpec = z.infer<typeof DatasetSpec>;

/** A file of a source, by the digest of its bytes as they came. */
export const SourceFileFacts = z.strictObject({ uri: z.string(), sha256: z.string(), bytes: z.number().int() });
export type SourceFileFacts = z.infer<typeof SourceFileFacts>;

/** A version of another dataset that a query read. */
export const SegmentInput = z.strictObject({ dataset: Name, versionId: z.string(), commitSeq: z.number().int() });
export type SegmentInput = z.infer<typeof SegmentInput>;

/** Values of the growing field as text; `after` is null where reading began with the first. */
export const HighWater = z.strictObject({ after: z.string().nullable(), reached: z.string() });
export type HighWater = z.infer<typeof HighWater>;

/** One ingested source: the accepted rows as Parquet with `__known_ts` and `__seq` beside the declared columns. */
export const Segment = z.strictObject({
  /** Digest of source bytes, dataset revision and reader version. */
  segmentId: z.string(),
  dataset: Name,
  sourceUri: z.string(),
  sourceSha256: z.string(),
  files: z.array(SourceFileFacts).default([]),
  /** Versions that the query of the dataset read. */
  inputs: z.array(SegmentInput).default([]),
  /** Between which values an ordered source was read: where this ingestion began, and where the next one goes on. */
  highWater: HighWater.nullable().default(null),
  accepted: z.number().int(),
  quarantined: z.number().int(),
  minEventTs: z.number().int(),
  maxEventTs: z.number().int(),
  minKnownTs: z.number().int(),
  maxKnownTs: z.number().int(),
  knowledge: z.enum(['declared', 'observed']),
  table: ArtifactRef,
  quarantineTable: ArtifactRef.nullable(),
  /** Names of the rules that set rows aside. */
  brokenRules: z.array(z.string()),
  /** JSON artefacts with the `ValidationReport` and the `DatasetProfile` of the accepted rows. */
  report: ArtifactRef,
  profile: ArtifactRef,
});
export type Segment = z.infer<typeof Segment>;

/** One immutable snapshot: the segments of the commits from `sinceSeq` to its own, in that order. */
export const DatasetVersion = z.strictObject({
  dataset: Name,
  /** Digest over the ordered segment ids. */
  versionId: z.string(),
  commitSeq: z.number().int().positive(),
  /** The last commit that put its rows in the place of all earlier ones. */
  sinceSeq: z.number().int().positive().default(1),
  knownTs: z.number().int(),
  revision: z.number().int(),
  segmentIds: z.array(z.string()),
  rows: z.number().int(),
  quarantined: z.number().int(),
  minEventTs: z.number().int(),
  maxEventTs: z.number().int(),
  committedBy: z.string(),
});
export type DatasetVersion = z.infer<typeof DatasetVersion>;
