import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { bundleWorkflowCode, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';
import { WORKFLOW_TYPES } from '../../workflows/messages.js';
import { HISTORIES } from '../support/histories.js';

interface Recorded {
  readonly workflowId: string;
  readonly history: {
    readonly events: { eventId: string; activityTaskScheduledEventAttributes?: { activityType: { name: string } } }[];
  };
}

const cases = readdirSync(HISTORIES).flatMap((type) =>
  readdirSync(join(HISTORIES, type)).map((file) => ({
    type,
    file: join(HISTORIES, type, file),
    name: `${type}/${file}`,
  })),
);

describe('recorded histories', () => {
  let workflowBundle: WorkflowBundleWithSourceMap;

  beforeAll(async () => {
    workflowBundle = await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
    });
  }, 60_000);

  const read = (file: string): Recorded => JSON.parse(readFileSync(file, 'utf8')) as Recorded;

  it('cover every workflow type', () => {
    expect([...new Set(cases.map(({ type }) => type))].sort()).toEqual(Object.values(WORKFLOW_TYPES).sort());
  });

  it.each(cases)('$name replays with the code as it is now', async ({ file }) => {
    const { history, workflowId } = read(file);
    await Worker.runReplayHistory({ workflowBundle }, historyFromJSON(history), workflowId);
  });

  it('are really compared: a history with another activity is refused', async () => {
    const { history, workflowId } = read(join(HISTORIES, 'ingestDataset', 'committed.json'));
    const [scheduled] = history.events.flatMap((event) => event.activityTaskScheduledEventAttributes ?? []);
    if (scheduled === undefined) throw new Error('the history schedules no activity');
    scheduled.activityType.name = 'somethingElse';
    await expect(Worker.runReplayHistory({ workflowBundle }, historyFromJSON(history), workflowId)).rejects.toThrow(
      /TMPRL1100|[Nn]ondeterminism/,
    );
  });
});
