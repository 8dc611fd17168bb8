/** Files as commits of datasets: read, validated and quarantined by the code of the ingestion. */
import { resolve } from 'node:path';
import { getJson } from '../../store/contracts/json-artifacts.js';
import type { JobContext } from '../../activities/jobs/context.js';
import { prepareSegment } from '../../activities/jobs/prepare-segment.js';
import type { Feed, QueryInput } from '../../activities/jobs/sources/contract.js';
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

/** What stands in a dataset so far. */
interface Standing {
  readonly resource: ResourceOf<'Dataset'>;
  readonly commits: readonly Commit[];
}

export interface IngestRequest {
  readonly resources: LocalResources;
  readonly tables: readonly TableFile[];
  /** Datasets that are asked for: of the queries only these are run, and what they read. */
  readonly wanted: readonly string[];
  readonly now: number;
}

/**
 * Ingests the files in the given order, all "now", then the datasets that are queries over them. Throws
 * `PRN_RESOURCE_NOT_FOUND` for an unknown dataset before anything is read, `PRN_DATASET_VALIDATION_FAILED` for a file that
 * its dataset refuses, and what the reader throws.
 */
export async function ingestTables(
  { resources, tables, wanted, now }: IngestRequest,
  context: JobContext,
): Promise<IngestedTables> {
  const standing = new Map<string, Standing>();
  for (const { dataset } of tables)
    standing.set(dataset, { resource: resources.require('Dataset', dataset), commits: [] });
  const files: IngestedFile[] = [];
  const commit = async ({ dataset, file }: TableFile, { resource, commits }: Standing, feed?: Feed): Promise<void> => {
    const { segment, ...ingested } = await ingestSource({ dataset, file, feed }, { resource, now, context });
    files.push(ingested);
    const commitSeq = (commits.at(-1)?.commitSeq ?? 0) + 1;
    const made = { segment, commitSeq, commitKnownTs: now + commitSeq };
    standing.set(dataset, { resource, commits: replacesRows(resource.spec) ? [made] : [...commits, made] });
  };
  for (const table of tables) {
    const found = standing.get(table.dataset);
    if (found !== undefined) await commit(table, found);
  }
  for (const resource of neededOf(derivedDatasets(resources, [...standing.keys()]), wanted)) {
    const feed = await queryFeed(resource, standing, context);
    if (feed === null) continue;
    const name = resource.metadata.name;
    await commit({ dataset: name, file: `query:${name}` }, { resource, commits: [] }, feed);
  }
  const datasets = new Map<string, LocalDataset>();
  for (const [name, { resource, commits }] of standing)
    datasets.set(name, await localDataset(resource, commits, context));
  return { datasets, files };
}

/** Datasets whose query reads only the given ones, and others of the kind: each after what it reads. */
export function derivedDatasets(resources: LocalResources, given: readonly string[]): ResourceOf<'Dataset'>[] {
  const there = new Set(given);
  const derived: ResourceOf<'Dataset'>[] = [];
  for (;;) {
    const next = resources.all('Dataset').find(({ metadata, spec }) => {
      const from = Object.values(spec.query?.from ?? {});
      return !there.has(metadata.name) && from.length > 0 && from.every((name) => there.has(name));
    });
    if (next === undefined) return derived;
    derived.push(next);
    there.add(next.metadata.name);
  }
}

/** Of datasets in the order of {@link derivedDatasets}. */
function neededOf(derived: readonly ResourceOf<'Dataset'>[], wanted: readonly string[]): ResourceOf<'Dataset'>[] {
  const needed = new Set(wanted);
  for (const { metadata, spec } of derived.toReversed())
    if (needed.has(metadata.name)) for (const name of Object.values(spec.query?.from ?? {})) needed.add(name);
  return derived.filter(({ metadata }) => needed.has(metadata.name));
}

async function queryFeed(
  { spec }: ResourceOf<'Dataset'>,
  standing: ReadonlyMap<string, Standing>,
  context: JobContext,
): Promise<Feed | null> {
  const { query } = spec;
  if (query === undefined) return null;
  const inputs: QueryInput[] = [];
  for (const [alias, dataset] of Object.entries(query.from).sort(([left], [right]) => (left < right ? -1 : 1))) {
    const found = standing.get(dataset);
    if (found === undefined) return null;
    const local = await localDataset(found.resource, found.commits, context);
    const segments = segmentReferences(local);
    inputs.push({ alias, dataset, versionId: 'local', commitSeq: local.commits, spec: local.spec, segments });
  }
  return { kind: 'query', sql: query.sql, inputs };
}

async function ingestSource(
  { dataset, file, feed }: TableFile & { feed: Feed | undefined },
  { resource, now, context }: { resource: ResourceOf<'Dataset'>; now: number; context: JobContext },
): Promise<IngestedFile & { segment: Segment }> {
  const { spec } = resource;
  const source = { sourceUri: feed === undefined ? resolve(file) : file, sourceFolders: ANY_FOLDER, feed };
  const prepared = await prepareSegment({ ...source, dataset, revision: 1, spec, receivedTs: now }, context);
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

/** Says which option to give for a dataset that has no file. */
export function missingTable(dataset: string, given: readonly string[], option = '--table'): DomainError {
  const near = didYouMean(dataset, given);
  return new DomainError('PRN_DATASET_EMPTY', { dataset, hint: `; give one with ${option} ${dataset}=FILE${near}` });
}
