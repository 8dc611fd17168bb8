/** A workflow of one activity, with the options that pipelines use, but fewer attempts. */
import { proxyActivities } from '@temporalio/workflow';
import type { ExternalRun } from '../../domain/external-training.js';
import { activityOptions } from '../../workflows/activity-options.js';
import type { ExternalTrainingActivities } from '../../workflows/contracts/training.js';

export async function oneRun(run: ExternalRun, maximumAttempts: number): Promise<unknown> {
  const options = activityOptions('test').python;
  const { trainExternal } = proxyActivities<ExternalTrainingActivities>({
    ...options,
    heartbeatTimeout: '3s',
    retry: { ...options.retry, maximumAttempts },
  });
  return trainExternal(run);
}
