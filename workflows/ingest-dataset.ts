/** Carries one source into a dataset: read, validate, split, commit. A refused source is a result, an unreadable one fails. */
import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import { activityOptions } from './activity-options.js';
import type {
  DatasetActivities,
  DatasetComputeActivities,
  IngestDatasetInput,
  IngestDatasetResult,
  PreparedSegment,
} from './contracts/dataset.js';
import { ingestionCard } from './cards/ingestion.js';
import { failureFacts } from './failures.js';
import { setKeywords } from './search-attributes.js';

export async function ingestDataset(input: IngestDatasetInput): Promise<IngestDatasetResult> {
  const options = activityOptions(input.timing);
  const { prepareSegment } = proxyActivities<DatasetComputeActivities>({
    ...options.compute,
    summary: 'Read, validate and split the source',
  });
  const { commitDatasetVersion } = proxyActivities<DatasetActivities>({
    ...options.io,
    summary: 'Commit the dataset version',
  });
  const { recordIngestion } = proxyActivities<DatasetActivities>({
    ...options.io,
    summary: 'Keep the state of the ingestion',
  });
  setKeywords({ MlStage: 'ingesting' });
  setCurrentDetails(ingestionCard(input, { state: 'running' }));
  try {
    const prepared = await prepareSegment(input);
    if (prepared.outcome === 'refused') {
      const { failures } = prepared;
      const error = { code: 'PRN_DATASET_VALIDATION_FAILED', message: failures.join('; ') };
      await recordIngestion(ingestionState(input, { state: 'refused', error }));
      setCurrentDetails(ingestionCard(input, { state: 'refused', failures }));
      setKeywords({ MlStage: 'closed', MlOutcome: 'refused' });
      return { outcome: 'refused', failures };
    }
    if (prepared.outcome === 'unchanged') {
      const { commitSeq, versionId } = prepared;
      const nothing = { accepted: 0, quarantined: 0, warnings: [] };
      await recordIngestion(ingestionState(input, { state: 'unchanged', committed: prepared, error: null }));
      setCurrentDetails(ingestionCard(input, { state: 'unchanged', ...nothing, commitSeq }));
      setKeywords({ MlStage: 'closed', MlOutcome: 'unchanged' });
      return { outcome: 'unchanged', commitSeq, versionId, ...nothing };
    }
    const { segment, revision, accepted, quarantined, warnings } = prepared;
    const { ingestionId, dataset } = input;
    const committed = await commitDatasetVersion({ ingestionId, dataset, revision, segment, actor: input.requestedBy });
    await recordIngestion(ingestionState(input, { state: committed.status, prepared, committed, error: null }));
    setCurrentDetails(
      ingestionCard(input, {
        state: committed.status,
        accepted,
        quarantined,
        warnings,
        commitSeq: committed.commitSeq,
      }),
    );
    setKeywords({ MlStage: 'closed', MlOutcome: committed.status });
    const { commitSeq, versionId } = committed;
    return { outcome: committed.status, commitSeq, versionId, accepted, quarantined, warnings };
  } catch (error) {
    await recordIngestion(ingestionState(input, { state: 'failed', error: failureFacts(error) }));
    setKeywords({ MlStage: 'closed', MlOutcome: 'failed' });
    throw error;
  }
}

type IngestionState = Parameters<DatasetActivities['recordIngestion']>[0];

function ingestionState(
  input: IngestDatasetInput,
  result: {
    state: IngestionState['state'];
    prepared?: PreparedSegment;
    committed?: { commitSeq: number; versionId: string };
    error: IngestionState['error'];
  },
): IngestionState {
  const { ingestionId, dataset, sourceUri, requestedBy } = input;
  const { prepared, committed } = result;
  return {
    ingestionId,
    dataset,
    sourceUri,
    requestedBy,
    state: result.state,
    commitSeq: committed?.commitSeq ?? null,
    versionId: committed?.versionId ?? null,
    accepted: prepared?.accepted ?? 0,
    quarantined: prepared?.quarantined ?? 0,
    warnings: prepared?.warnings ?? [],
    error: result.error,
  };
}
