/** The Temporal schedule of a dataset's ingestion. */
import {
  type Client,
  ScheduleAlreadyRunning,
  type ScheduleOptions,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
} from '@temporalio/client';
import { scheduleIds, TASK_QUEUES, workflowIds } from '../domain/ids.js';
import { type ScheduledIngestionInput, WORKFLOW_TYPES } from '../workflows/messages.js';

export interface ScheduledIngestion extends Omit<ScheduledIngestionInput, 'dataset'> {
  readonly everyMs: number;
}

/** Makes, changes or (`null`) removes it; safe to repeat. A run that is due while another runs is left out. */
export async function applyIngestionSchedule(
  { schedule }: Client,
  dataset: string,
  plan: ScheduledIngestion | null,
): Promise<void> {
  const scheduleId = scheduleIds.ingestDataset(dataset);
  if (plan === null) {
    await schedule.getHandle(scheduleId).delete().catch(ignoreAbsent);
    return;
  }
  const options = optionsOf(dataset, plan);
  try {
    await schedule.create({ scheduleId, ...options });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await schedule.getHandle(scheduleId).update((standing) => ({ ...standing, ...options }));
  }
}

function optionsOf(dataset: string, { everyMs, ...input }: ScheduledIngestion) {
  const args: [ScheduledIngestionInput] = [{ dataset, ...input }];
  return {
    spec: { intervals: [{ every: everyMs }] },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '10 minutes' },
    action: {
      type: 'startWorkflow',
      workflowType: WORKFLOW_TYPES.ingestDataset,
      workflowId: workflowIds.scheduledIngestion(dataset),
      taskQueue: TASK_QUEUES.orchestration,
      args,
      staticSummary: `Ingest ${dataset} from ${input.sourceUri}`.slice(0, 180),
    },
  } satisfies Partial<ScheduleOptions>;
}

function ignoreAbsent(error: unknown): void {
  if (!(error instanceof ScheduleNotFoundError)) throw error;
}
