/** `validate`: judges a file by a Dataset document, with the code of the ingestion. Nothing is kept. */
import { resolve } from 'node:path';
import type { JobContext } from '../../activities/jobs/context.js';
import { type EarlierSegments, type OtherDataset, withValidated } from '../../activities/jobs/validate-source.js';
import { putJson } from '../../store/contracts/json-artifacts.js';
import { DomainError, isDomainError } from '../../domain/errors.js';
import type { DatasetProfile } from '../../domain/profile.js';
import type { ResourceOf } from '../../domain/resources.js';
import { SAMPLE_CAP, type ValidationReport } from '../../domain/validation.js';
import { quarantinedRows } from '../../ml/validation/judged-sql.js';
import type { OutputEnding } from '../output-ending.js';
import { ingestTables, segmentReferences, type TableFile } from './dataset-tables.js';
import { withLocalEngine } from './engine.js';
import { writeRows } from './output-file.js';
import { type LocalResources, loadResources } from './resources.js';
import { ANY_FOLDER } from './source-table.js';

export interface ValidateRequest {
  /** File or folder with the document of the dataset, and of those its rules name. */
  readonly documents: string;
  /** Which dataset, where the documents have several. */
  readonly name?: string | undefined;
  readonly data: string;
  /** What stood in the dataset before, for rules over changes. */
  readonly previous?: string | undefined;
  /** Rows of other datasets, for rules across datasets. */
  readonly tables: readonly TableFile[];
  readonly quarantineOut?: { readonly path: string; readonly ending: OutputEnding } | undefined;
  /** Microseconds: when the file came in. */
  readonly now: number;
}

export interface Verdict {
  readonly report: ValidationReport;
  /** Of the accepted rows; null where the file does not have the columns. */
  readonly profile: DatasetProfile | null;
}

/** Throws `PRN_RESOURCE_*` for documents and `PRN_DATASET_SOURCE_*` for files that cannot be read. */
export async function validateFile(request: ValidateRequest): Promise<Verdict> {
  const { documents, data, previous, tables, now } = request;
  const files = [data, ...(previous === undefined ? [] : [previous]), ...tables.map(({ file }) => file)];
  const resources = loadResources(documents, { data: files, openTo: ['Dataset'] });
  const dataset = chooseDataset(resources, request);
  return withLocalEngine({}, async (context) => {
    const ingested = await ingestTables({ resources, tables, wanted: [], now }, context);
    const others = [...ingested.datasets.values()].map((other) => ({
      dataset: other.name,
      spec: other.spec,
      segments: segmentReferences(other),
    }));
    const judging = { dataset, others, now };
    const earlier = previous === undefined ? undefined : await judgeEarlier(previous, judging, context);
    return judgeFile(data, { ...judging, earlier, quarantineOut: request.quarantineOut }, context);
  });
}

function chooseDataset(resources: LocalResources, { name, documents, tables }: ValidateRequest): ResourceOf<'Dataset'> {
  if (name !== undefined) return resources.require('Dataset', name);
  const others = tables.map(({ dataset }) => dataset);
  const all = resources.all('Dataset').filter(({ metadata }) => !others.includes(metadata.name));
  const [only, another] = all;
  if (only !== undefined && another === undefined) return only;
  const problem =
    only === undefined
      ? 'it declares no Dataset'
      : `it declares ${all.map(({ metadata }) => metadata.name).join(', ')}`;
  const remedy = only === undefined ? 'Draft one with `perennial dataset infer`.' : 'Choose one with --name.';
  throw new DomainError('PRN_RESOURCE_INVALID', { where: documents, problem, remedy });
}

interface Judging {
  readonly dataset: ResourceOf<'Dataset'>;
  readonly others: readonly OtherDataset[];
  readonly now: number;
  readonly earlier?: EarlierSegments | undefined;
  readonly quarantineOut?: ValidateRequest['quarantineOut'];
}

async function judgeFile(file: string, judging: Judging, context: JobContext): Promise<Verdict> {
  const { dataset, others, now, earlier, quarantineOut } = judging;
  const input = {
    sourceUri: resolve(file),
    sourceFolders: ANY_FOLDER,
    dataset: dataset.metadata.name,
    spec: dataset.spec,
    receivedTs: now,
    others,
    earlier,
  };
  try {
    const verdict = await withValidated(input, context, async ({ report, profile, rules, loaded }, session) => {
      if (quarantineOut !== undefined)
        await writeRows(session, { query: quarantinedRows(rules, loaded.files), ...quarantineOut }, context);
      return { report, profile };
    });
    if (verdict === null) throw new DomainError('PRN_DATASET_SOURCE_MISSING', { uri: file });
    return verdict;
  } catch (error) {
    if (!isDomainError(error) || error.code !== 'PRN_DATASET_SCHEMA_MISMATCH') throw error;
    return { report: refusal(error.message), profile: null };
  }
}

/** A file without the declared columns is refused as a whole: there are no rows to judge. */
function refusal(failure: string): ValidationReport {
  const nothing = { rows: 0, quarantined: 0, warnings: [], rules: [] };
  return { outcome: 'refused', severity: 'error', failures: [failure], sampleCap: SAMPLE_CAP, ...nothing };
}

async function judgeEarlier(file: string, judging: Judging, context: JobContext): Promise<EarlierSegments> {
  const { report, profile } = await judgeFile(file, judging, context);
  if (profile === null)
    throw new DomainError('PRN_DATASET_VALIDATION_FAILED', {
      dataset: judging.dataset.metadata.name,
      failures: `--previous ${file}: ${report.failures.join('; ')}`,
    });
  const { artifacts } = context;
  return { profiles: [await putJson(artifacts, profile)], report: await putJson(artifacts, report) };
}
