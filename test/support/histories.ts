/** Recorded histories: written by tests that drive a branch when `RECORD=1`, replayed by test/replay. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';

export const HISTORIES = fileURLToPath(new URL('../histories/', import.meta.url));

/**
 * Saves the history of a workflow as `test/histories/<type>/<case>.json`: of its last run, or of one that is named. Does
 * nothing unless `RECORD=1`.
 */
export async function recordHistory(
  client: Client,
  run: string | { readonly workflowId: string; readonly runId: string },
  name: string,
): Promise<void> {
  if (process.env['RECORD'] !== '1') return;
  const { workflowId, runId } = typeof run === 'string' ? { workflowId: run, runId: undefined } : run;
  const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  const file = `${HISTORIES}${name}.json`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ workflowId, history: JSON.parse(historyToJSON(history)) as unknown })}\n`);
}
