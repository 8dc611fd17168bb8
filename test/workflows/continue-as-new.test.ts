import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLifecycleActivities } from '../../activities/lifecycle.js';
import { createMonitoringActivities } from '../../activities/monitoring.js';
import type { WorkflowPort } from '../../activities/ports.js';
import { parseResource } from '../../domain/resource-errors.js';
import { openFileArtifacts } from '../../store/artifacts/file.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import type { Stores } from '../../store/contracts/index.js';
import { type Database, openDatabase } from '../../store/mongo/database.js';
import { createStores } from '../../store/mongo/stores.js';
import { smallResources } from '../support/small-flights.js';
import { openTestDatabase, type TestDatabase } from '../support/mongo.js';
import { openTestTemporal, type TestTemporal } from '../support/temporal.js';
import { startWorkers, type TestWorkers } from '../support/workers.js';

/** Entities that roll over after every few events, on the real server, with real documents behind them. */
describe('entities that continue as new', () => {
  let folder: string;
  let test: TestDatabase;
  let database: Database;
  let temporal: TestTemporal;
  let stores: Stores;
  let workers: TestWorkers;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
    test = await openTestDatabase();
    database = await openDatabase({ uri: test.uri, database: test.name });
    temporal = await openTestTemporal();
    const now = (): number => Date.now() * 1_000;
    stores = createStores(database, { artifacts: openFileArtifacts(folder), now, sha256Hex });
    for (const document of smallResources())
      await stores.resources.apply({ resource: parseResource(document, 'test'), actor: 'test' });
    await stores.endpoints.ensure('flight-delay', 'event');
    const workflows: WorkflowPort = {
      requestRetraining: () => Promise.resolve(),
      ingestDataset: () => Promise.resolve(),
      materializeFeatures: () => Promise.resolve(),
      quarantineCase: () => Promise.resolve(),
      observe: () => Promise.resolve(),
      reportBreach: () => Promise.resolve(),
      state: () => Promise.resolve('missing'),
    };
    const io = {
      ...createLifecycleActivities({ stores, workflows, now, sha256Hex }),
      ...createMonitoringActivities({ stores, workflows, now }),
    };
    workers = await startWorkers(temporal, { orchestration: temporal.taskQueue, io });
  });

  afterEach(async () => {
    await workers.stop();
    await temporal.close();
    await database.close();
    await test.drop();
    await rm(folder, { recursive: true, force: true });
  });

  const until = async (check: () => Promise<boolean>): Promise<void> => {
    for (let tries = 0; tries < 300; tries += 1) {
      if (await check()) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error('it did not come about within 30 s');
  };

  const runsOf = async (workflowId: string): Promise<number> => {
    const { raw } = await temporal.client.workflow.getHandle(workflowId).describe();
    const { firstRunId } = raw.workflowExecutionInfo ?? {};
    const { runId } = await temporal.client.workflow.getHandle(workflowId).describe();
    return firstRunId === runId ? 1 : 2;
  };

  it('keeps every request of a lifecycle that rolls over while they arrive', async () => {
    const workflowId = `test-lifecycle-${temporal.taskQueue}`;
    await stores.lifecycles.setPaused('flight-delay', true, 'test');
    const handle = await temporal.client.workflow.start('modelLifecycle', {
      workflowId,
      taskQueue: temporal.taskQueue,
      args: [{ model: 'flight-delay', timing: 'test', maxHistoryLength: 40 }],
    });
    const ids = Array.from({ length: 25 }, (_unused, index) => `request-${String(index).padStart(2, '0')}`);
    for (const requestId of ids) {
      await handle.signal('requestRetraining', {
        requestId,
        reason: 'a test asks',
        source: 'manual',
        requestedBy: 'test',
        notBefore: null,
        asOf: null,
        evidence: {},
      });
    }
    await handle.signal('requestRetraining', {
      requestId: 'request-03',
      reason: 'again',
      source: 'manual',
      requestedBy: 'test',
      notBefore: null,
      asOf: null,
      evidence: {},
    });
    await handle.signal('requestRetraining', 'garbage');
    await until(async () => (await stores.lifecycles.requests('flight-delay')).length === ids.length);
    const kept = await stores.lifecycles.requests('flight-delay', 'queued');
    expect(kept.map(({ requestId }) => requestId).sort()).toEqual(ids);
    await until(async () => (await runsOf(workflowId)) > 1);
    // A query that comes while the new run reads its record sees nothing yet.
    await until(async () => (await handle.query<{ queued: unknown[] }>('overview')).queued.length === ids.length);
    expect(await handle.query('overview')).toMatchObject({ model: 'flight-delay', paused: true, running: null });
    await handle.terminate('the test is over');
  });

  it('carries watermark and mute of a drift watch over', async () => {
    const workflowId = `test-watch-${temporal.taskQueue}`;
    const handle = await temporal.client.workflow.start('driftWatch', {
      workflowId,
      taskQueue: temporal.taskQueue,
      args: [{ endpoint: 'flight-delay', timing: 'test', maxHistoryLength: 40 }],
    });
    const start = Date.parse('2001-03-01T00:00:00Z') * 1_000;
    await handle.signal('mute', { requestId: 'm1', actor: 'test', until: start + 5, reason: 'quiet please' });
    for (let hour = 0; hour < 12; hour += 1)
      await handle.signal('observe', { watermark: start + hour * 3_600_000_000 });
    const last = start + 11 * 3_600_000_000;
    await until(async () => (await stores.endpoints.get('flight-delay'))?.watermark === last);
    await until(async () => (await runsOf(workflowId)) > 1);
    await until(async () => (await handle.query<{ watermark: number | null }>('driftState')).watermark === last);
    expect(await handle.query('driftState')).toMatchObject({
      endpoint: 'flight-delay',
      watermark: last,
      mutedUntil: start + 5,
    });
    await handle.signal('stop', { requestId: 's1', actor: 'test' });
    expect(await handle.result()).toEqual({ stopped: true });
  });
});
