/** Sources that lie in our own store: uploads, and rows that a decision brings back from quarantine. */
import { type DatasetSpec, Segment } from '../domain/dataset.js';
import { DomainError } from '../domain/errors.js';
import type { QuarantineCase, QuarantineDecision } from '../domain/quarantine.js';
import { fixSpec, harmlessRules, quarantineAddressIn, releaseSpec } from '../domain/quarantine-release.js';
import { uploadIdIn } from '../domain/upload.js';
import type { Stores } from '../store/contracts/index.js';
import type { JobResults, RunJob } from './jobs/index.js';
import type { Feed } from './jobs/sources/contract.js';
import { getJson, putJson } from '../store/contracts/json-artifacts.js';

type Prepared = JobResults['prepareSegment'];

export interface StoredSource {
  /** What the rows are judged by. */
  readonly spec: DatasetSpec;
  readonly feed: Feed;
  /** Makes of the prepared segment what may be committed. */
  finish(prepared: Prepared): Promise<Prepared>;
}

interface About {
  readonly dataset: string;
  readonly spec: DatasetSpec;
  readonly revision: number;
}

interface Using {
  readonly stores: Stores;
  readonly runJob: RunJob;
}

/**
 * The source behind an address of ours; null for one that is not. Throws `PRN_UPLOAD_NOT_FOUND`, and
 * `PRN_QUARANTINE_CLOSED` for a decision that is not being carried out.
 */
export async function storedSource(using: Using, about: About, sourceUri: string): Promise<StoredSource | null> {
  const uploadId = uploadIdIn(sourceUri);
  if (uploadId !== null) {
    const feed = await uploadFeed(using.stores, about.dataset, uploadId);
    return { spec: about.spec, feed, finish: (prepared) => Promise.resolve(prepared) };
  }
  const address = quarantineAddressIn(sourceUri);
  if (address === null) return null;
  const applied = await appliedDecision(using.stores, address);
  return applied.decision.action === 'fix' ? fixSource(using, about, applied) : releaseSource(using, about, applied);
}

interface Applied {
  readonly standing: QuarantineCase;
  readonly decision: QuarantineDecision;
}

/** The case and the decision that it is carrying out. Throws `PRN_QUARANTINE_CLOSED` for any other. */
export async function appliedDecision(
  { quarantine }: Stores,
  { caseId, decisionId }: { caseId: string; decisionId: string },
): Promise<Applied> {
  const [standing, decision] = await Promise.all([quarantine.case(caseId), quarantine.decision(caseId, decisionId)]);
  if (standing === null || decision === null) throw new DomainError('PRN_QUARANTINE_NOT_FOUND', { caseId });
  if (standing.applying !== decisionId)
    throw new DomainError('PRN_QUARANTINE_CLOSED', { caseId, state: standing.state });
  return { standing, decision };
}

async function uploadFeed({ uploads }: Stores, dataset: string, uploadId: string): Promise<Feed> {
  const upload = await uploads.upload(uploadId);
  if (upload === null || upload.dataset !== dataset)
    throw new DomainError('PRN_UPLOAD_NOT_FOUND', { dataset, uploadId });
  return { kind: 'stored', file: upload.file, filename: upload.filename, occasion: null };
}

/** Corrected rows may be refused again: those make a case of their own, as with any source. */
async function fixSource({ stores, runJob }: Using, about: About, applied: Applied): Promise<StoredSource> {
  const { decision, standing } = applied;
  const { split } = await splitCase(runJob, about, { ...applied, refused: null });
  if (split.selected === 0) throw noSuchRows(about);
  return {
    spec: fixSpec(about.spec),
    feed: await uploadFeed(stores, standing.dataset, decision.upload ?? ''),
    async finish(prepared) {
      await stores.quarantine.saveSplit(decision, split);
      return prepared;
    },
  };
}

/** Rows that are refused again stay in their own case. */
async function releaseSource({ stores, runJob }: Using, about: About, applied: Applied): Promise<StoredSource> {
  const { artifacts, quarantine } = stores;
  const { decisionId, caseId } = applied.decision;
  const { source } = await splitCase(runJob, about, { ...applied, refused: null });
  if (source === null) throw noSuchRows(about);
  const feed = {
    kind: 'stored',
    file: source,
    filename: 'released.ndjson',
    occasion: `${caseId}/${decisionId}`,
  } as const;
  return {
    spec: releaseSpec(about.spec, applied.decision),
    feed,
    async finish(prepared) {
      if (prepared.outcome !== 'accepted') return prepared;
      const segment = await getJson(artifacts, prepared.segment, Segment);
      const { split } = await splitCase(runJob, about, { ...applied, refused: segment.quarantineTable });
      await quarantine.saveSplit(applied.decision, split);
      const kept = { ...segment, quarantined: 0, quarantineTable: null };
      return { ...prepared, segment: await putJson(artifacts, kept), quarantined: 0 };
    },
  };
}

/** They were decided about before, or never there: nothing may come in their place. */
function noSuchRows({ dataset }: About): DomainError {
  return new DomainError('PRN_DATASET_VALIDATION_FAILED', { dataset, failures: 'the case has none of these rows' });
}

export function splitCase(
  runJob: RunJob,
  { spec }: Pick<About, 'spec'>,
  { standing, decision, refused }: Applied & { readonly refused: Segment['quarantineTable'] },
) {
  const columns = spec.columns.map(({ name }) => name);
  const { rows, rules, action } = decision;
  const failedOnly = action === 'discard' && rules !== null ? [...rules, ...harmlessRules(spec)] : null;
  return runJob('splitQuarantine', {
    table: standing.remainingTable ?? standing.table,
    columns,
    rows,
    failedOnly,
    refused,
  });
}
