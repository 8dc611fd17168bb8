/** Files as commits of datasets: read, validated and quarantined by the code of the ingestion. */
import { resolve } from 'node:path';
import { getJson } from '../../activities/json-artifacts.js';
import type { JobContext } from '../../activities/jobs/context.js';
import { prepareSegment } from '../../activities/jobs/prepare-segment.js';
import type { SegmentReference } from '../../activities/jobs/segments.js';
import { type DatasetSpec, Segment } from '../../domain/dataset.js';
import { replacesRows } from '../../domain/dataset-source.js';
import { DomainError } from '../../domain/errors.js';
import { didYouMean } from '../../domain/names.js';
import type { ResourceOf } from '../../domain/resources.js';
import { ValidationReport } from '../../domain/validation.js';
import type { SegmentFile } from '../../ml/features/dataset-sql.js';
import type { LocalResources } from './resources.js';
import { ANY_FOLDER } from './source-table.js';

/** `--table NAME=FILE`. */
export interface TableFile {
  readonly dataset: string;
  readonly file: string;
}

/** What became of one file. */
export interface IngestedFile extends TableFile {
  readonly accepted: number;
  readonly quarantined: number;
  /** Broken rules, in words with examples. */
  readonly problems: readonly string[];
}

/** The newest version of a dataset, as if its files had been committed one after the other. */
export interface LocalDataset {
  readonly name: string;
  readonly spec: DatasetSpec;
  readonly commits: number;
  readonly segments: readonly Segment[];
  readonly files: readonly SegmentFile[];
}

export interface IngestedTables {
  readonly datasets: ReadonlyMap<string, LocalDataset>;
  readonly files: readonly IngestedFile[];
}

interface Commit {
  readonly segment: Segment;
  readonly commitSeq: number;
  readonly commitKnownTs: number;
}

/**
 * Ingests the files in the given order, all "now". Throws `PRN_RESOURCE_NOT_FOUND` for an unknown dataset before anything
 * is read, `PRN_DATASET_VALIDATION_FAILED` for a file that its dataset refuses, and what the reader throws.
 */
export async function ingestTables(
  { resources, tables, now }: { resources: LocalResources; tables: readonly TableFile[]; now: number },
  context: JobContext,
): Promise<IngestedTables> {
  const declared = new Map(tables.map(({ dataset }) => [dataset, resources.require('Dataset', dataset)]));
  const commits = new Map<string, Commit[]>();
  const files: IngestedFile[] = [];
  for (const table of tables) {
    const resource = declared.get(table.dataset);
    if (resource === undefined) continue;
    const { segment, ...ingested } = await ingestFile(table, { resource, context });
    files.push(ingested);
    const earlier = commits.get(table.dataset) ?? [];
    const commitSeq = (earlier.at(-1)?.commitSeq ?? 0) + 1;
    const commit = { segment, commitSeq, commitKnownTs: now + commitSeq };
    commits.set(table.dataset, replacesRows(resource.spec) ? [commit] : [...earlier, commit]);
  }
  const datasets = new Map<string, LocalDataset>();
  for (const [name, made] of commits) {
    const resource = declared.get(name);
    if (resource !== undefined) datasets.set(name, await localDataset(resource, made, context));
  }
  return { datasets, files };
}

async function ingestFile(
  { dataset, file }: TableFile,
  { resource, context }: { resource: ResourceOf<'Dataset'>; context: JobContext },
): Promise<IngestedFile & { segment: Segment }> {
  const { spec } = resource;
  const source = { sourceUri: resolve(file), sourceFolders: ANY_FOLDER };
  const prepared = await prepareSegment({ ...source, dataset, revision: 1, spec }, context);
  if (prepared.outcome === 'nothing') throw new DomainError('PRN_DATASET_SOURCE_MISSING', { uri: file });
  if (prepared.outcome === 'refused') {
    const failures = `${file}: ${prepared.failures.join('; ')}`;
    throw new DomainError('PRN_DATASET_VALIDATION_FAILED', { dataset, failures });
  }
  const segment = await getJson(context.artifacts, prepared.segment, Segment);
  const { accepted, quarantined } = segment;
  const { warnings } = await getJson(context.artifacts, segment.report, ValidationReport);
  return { dataset, file, accepted, quarantined, problems: warnings, segment };
}

async function localDataset(
  { metadata, spec }: ResourceOf<'Dataset'>,
  commits: readonly Commit[],
  { artifacts }: JobContext,
): Promise<LocalDataset> {
  const files = await Promise.all(
    commits.map(async ({ segment, commitSeq, commitKnownTs }) => {
      return { path: await artifacts.localPath(segment.table), commitSeq, commitKnownTs };
    }),
  );
  const segments = commits.map(({ segment }) => segment);
  return { name: metadata.name, spec, commits: commits.at(-1)?.commitSeq ?? 0, segments, files };
}

/** For jobs that read the rows themselves. */
export function segmentReferences({ segments, files }: LocalDataset): SegmentReference[] {
  return segments.flatMap(({ table }, index) => {
    const file = files[index];
    return file === undefined ? [] : [{ table, commitSeq: file.commitSeq, commitKnownTs: file.commitKnownTs }];
  });
}

/** Says which option to give for a dataset that a view reads. */
export function missingTable(dataset: string, given: readonly string[]): DomainError {
  const near = didYouMean(dataset, given);
  return new DomainError('PRN_DATASET_EMPTY', { dataset, hint: `; give one with --table ${dataset}=FILE${near}` });
}
