/** Carries one source into a dataset: read, validate, split, commit. A refused source is a result, an unreadable one fails. */
import { patched, proxyActivities, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { ArtifactRef } from '../domain/artifact.js';
import { activityOptions } from './activity-options.js';
import type {
  DatasetActivities,
  DatasetComputeActivities,
  IngestDatasetInput,
  IngestDatasetResult,
  RefusedSegment,
  ScheduledIngestionInput,
} from './contracts/dataset.js';
import type { QuarantineActivities } from './contracts/quarantine.js';
import { ingestionCard } from './cards/ingestion.js';
import { failureFacts } from './failures.js';
import { setKeywords } from './search-attributes.js';

export async function ingestDataset(given: IngestDatasetInput | ScheduledIngestionInput): Promise<IngestDatasetResult> {
  const input = 'ingestionId' in given ? given : { ...given, ingestionId: scheduledId() };
  const steps = stepsOf(input);
  setKeywords({ MlStage: 'ingesting' });
  setCurrentDetails(ingestionCard(input, { state: 'running' }));
  let ended: IngestDatasetResult;
  try {
    if (!('ingestionId' in given))
      await steps.recordIngestion(ingestionState(input, { state: 'running', error: null }));
    ended = await close(input, steps, await carry(input, steps));
  } catch (error) {
    await steps.recordIngestion(ingestionState(input, { state: 'failed', error: failureFacts(error) }));
    setKeywords({ MlStage: 'closed', MlOutcome: 'failed' });
    throw error;
  }
  if (ended.outcome === 'committed' && ended.quarantined > 0 && patched('quarantine-cases'))
    await steps.startQuarantineCase({ dataset: input.dataset, commitSeq: ended.commitSeq });
  // Outside: rows that are committed stay so, whatever becomes of the queries over them.
  if (ended.outcome === 'committed' && patched('queries-over-datasets'))
    await steps.startDependents({ dataset: input.dataset });
  return ended;
}

type Steps = ReturnType<typeof stepsOf>;

function stepsOf({ timing }: Pick<IngestDatasetInput, 'timing'>) {
  const { compute, io } = activityOptions(timing);
  const call = (summary: string) => proxyActivities<DatasetActivities>({ ...io, summary });
  return {
    prepareSegment: proxyActivities<DatasetComputeActivities>({
      ...compute,
      summary: 'Read, validate and split the source',
    }).prepareSegment,
    commitDatasetVersion: call('Commit the dataset version').commitDatasetVersion,
    recordIngestion: call('Keep the state of the ingestion').recordIngestion,
    startQuarantineCase: proxyActivities<QuarantineActivities>({
      ...io,
      summary: 'Let people decide about the quarantined rows',
    }).startQuarantineCase,
    startDependents: call('Start the queries over the dataset').startDependents,
  };
}

/** Each run of a schedule has an id of its own, with the time it was due. */
function scheduledId(): string {
  return workflowInfo()
    .workflowId.replace(/^ingest\//, '')
    .replace(/[^A-Za-z0-9_-]/g, '-');
}

interface Carried {
  readonly state: 'committed' | 'unchanged';
  readonly commitSeq: number;
  readonly versionId: string;
  readonly accepted: number;
  readonly quarantined: number;
  readonly warnings: readonly string[];
  readonly report: ArtifactRef | null;
}

/** Reads and commits; again where another ingestion went further meanwhile. */
async function carry(input: IngestDatasetInput, steps: Steps): Promise<Carried | RefusedSegment> {
  const { ingestionId, dataset, requestedBy: actor } = input;
  for (;;) {
    const prepared = await steps.prepareSegment(input);
    if (prepared.outcome === 'refused') return prepared;
    if (prepared.outcome === 'unchanged')
      return { ...prepared, state: 'unchanged', accepted: 0, quarantined: 0, warnings: [], report: null };
    const { segment, revision, accepted, quarantined, warnings, report } = prepared;
    const committed = await steps.commitDatasetVersion({ ingestionId, dataset, revision, segment, actor });
    const { status: state, commitSeq, versionId } = committed;
    if (state !== 'moved') return { state, commitSeq, versionId, accepted, quarantined, warnings, report };
  }
}

/** Leaves the outcome where people look for it. */
async function close(
  input: IngestDatasetInput,
  { recordIngestion }: Steps,
  carried: Carried | RefusedSegment,
): Promise<IngestDatasetResult> {
  if (!('state' in carried)) {
    const { failures, report } = carried;
    const error = { code: 'PRN_DATASET_VALIDATION_FAILED', message: failures.join('; ') };
    await recordIngestion(ingestionState(input, { state: 'refused', report, error }));
    setCurrentDetails(ingestionCard(input, { state: 'refused', failures }));
    setKeywords({ MlStage: 'closed', MlOutcome: 'refused' });
    return { outcome: 'refused', failures };
  }
  const { state, commitSeq, versionId, accepted, quarantined, warnings, report } = carried;
  await recordIngestion(ingestionState(input, { state, carried, report, error: null }));
  setCurrentDetails(ingestionCard(input, { state, accepted, quarantined, warnings, commitSeq }));
  setKeywords({ MlStage: 'closed', MlOutcome: state });
  return { outcome: state, commitSeq, versionId, accepted, quarantined, warnings };
}

type IngestionState = Parameters<DatasetActivities['recordIngestion']>[0];

function ingestionState(
  input: IngestDatasetInput,
  result: Pick<IngestionState, 'state' | 'error'> & { carried?: Carried; report?: ArtifactRef | null },
): IngestionState {
  const { ingestionId, dataset, sourceUri, requestedBy } = input;
  const { state, carried, report = null, error } = result;
  return {
    ingestionId,
    dataset,
    sourceUri,
    requestedBy,
    state,
    commitSeq: carried?.commitSeq ?? null,
    versionId: carried?.versionId ?? null,
    accepted: carried?.accepted ?? 0,
    quarantined: carried?.quarantined ?? 0,
    warnings: carried?.warnings ?? [],
    report,
    error,
  };
}
