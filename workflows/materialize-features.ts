/** Brings a feature view up to a cut: backfill and increment alike, chunk by chunk, each chunk kept before the next. */
import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import { activityOptions } from './activity-options.js';
import type {
  FeatureActivities,
  FeatureComputeActivities,
  MaterializeFeaturesInput,
  MaterializeFeaturesResult,
} from './contracts/features.js';
import { setKeywords } from './search-attributes.js';

export async function materializeFeatures(input: MaterializeFeaturesInput): Promise<MaterializeFeaturesResult> {
  const options = activityOptions(input.timing);
  const { planMaterialization } = proxyActivities<FeatureActivities>({
    ...options.io,
    summary: 'Find missing and outdated cuts',
  });
  const { materializeChunk } = proxyActivities<FeatureComputeActivities>({
    ...options.compute,
    summary: 'Compute a chunk of feature rows',
  });
  const { publishChunk } = proxyActivities<FeatureActivities>({
    ...options.waiting,
    summary: 'Keep the chunk and bring it online',
  });
  setKeywords({ MlStage: 'materializing' });
  const { chunks, ...plan } = await planMaterialization(input);
  let rows = 0;
  for (const [index, chunk] of chunks.entries()) {
    setCurrentDetails(`### Feature view ${input.view}\n\nChunk ${index + 1} of ${chunks.length}; ${rows} rows so far.`);
    const computed = await materializeChunk({ plan, chunk });
    await publishChunk({ chunk: computed });
    rows += computed.rows;
  }
  setCurrentDetails(`### Feature view ${input.view}\n\nUp to date: ${chunks.length} chunks, ${rows} rows.`);
  setKeywords({ MlStage: 'closed', MlOutcome: 'completed' });
  return { chunks: chunks.length, rows, commitSeq: plan.commitSeq };
}
