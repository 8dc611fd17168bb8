import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documentOf } from '../support/document.js';
import { queryHistory, readCollection } from '../support/feature-history.js';
import { materializedTwin } from '../support/feature-twin.js';
import { asOfBefore } from '../support/small-flights.js';
import { openSmallWorld, type SmallWorld } from '../support/small-world.js';
import { killNow, temporaryFolder } from '../support/stack.js';

/**
 * Moments at which the worker ends as by `kill -9`, each once: before, inside and after what an activity writes, in every
 * kind of work. Workflows that stand at the boundaries of one line end together.
 */
const KILLS = [
  ['commitDatasetVersion.after', 'drainPushedRows.after'],
  ['commitChunk.after', 'publishRows.after'],
  ['runTrial.after'],
  ['trainModel.before'],
  ['registerVersion.after'],
  ['promote.before', 'planRetrieval.after'],
  ['promote.inside'],
  ['promote.after', 'joinRetrievalView.after'],
  ['applyStep.after', 'completeRetrieval.before'],
];

/** A view whose rows are pushed: its dataset stays empty. */
const PUSHED = [
  documentOf('Dataset', 'orders', {
    columns: [
      { name: 'at', type: 'timestamp' },
      { name: 'order_id', type: 'integer' },
      { name: 'amount', type: 'float' },
    ],
    eventTime: 'at',
  }),
  documentOf('Entity', 'order', { keys: [{ name: 'order_id', type: 'integer' }] }),
  documentOf('FeatureView', 'order-facts', {
    dataset: 'orders',
    entity: 'order',
    keys: { order_id: 'order_id' },
    features: [{ name: 'amount', expression: 'amount' }],
  }),
];
const ORDERED = Date.parse('2001-02-01T00:00:00Z') * 1_000;
const orders = (from: number, to: number) =>
  Array.from({ length: to - from }, (_unused, index) => ({
    keys: { order_id: from + index },
    eventTs: ORDERED + index,
    values: { amount: (from + index) / 4 },
  }));

describe('a worker killed at every kind of boundary', () => {
  let world: SmallWorld;
  let markers: string;
  const markerOf = (names: readonly string[]): string => join(markers, names.join('+'));

  beforeAll(async () => {
    markers = await temporaryFolder();
    const failpoints = KILLS.map((names) => `${names.join('+')}@${markerOf(names)}`).join(';');
    world = await openSmallWorld({ env: { PERENNIAL_FAILPOINT: failpoints } });
    await world.api.put('/v1/resources', PUSHED);
    await world.push('order-facts', { to: 'both', rows: orders(0, 100) });
    await world.push('order-facts', { to: 'offline', rows: orders(100, 150) });
    await world.api.post('/v1/feature-views/order-facts/materializations', { materializationId: 'killed' });
    const search = { trials: 2, over: { depth: [2, 3, 4, 5] } };
    const trainer = { kind: 'gbdt', parameters: { trees: 20, depth: 3 }, seed: 7, search };
    await world.prepare({ gates: [{ metric: 'roc_auc', min: 0.55 }], trainer });
    const pipelineId = await world.train('killed');
    const waiting = await world.reach(pipelineId, 'awaiting_approval');
    await startRetrieval('killed');
    await world.decide(waiting, { decision: 'approve' });
    expect((await world.reach(pipelineId, 'closed')).outcome).toBe('promoted');
  });

  afterAll(async () => {
    await world.close();
  });

  async function startRetrieval(retrievalId: string): Promise<void> {
    const features = ['origin-traffic', 'destination-traffic'];
    const body = { retrievalId, spine: { dataset: 'flights' }, features, fullNames: true };
    await world.api.post('/v1/features/historical', body);
  }

  async function endOfRetrieval(retrievalId: string): Promise<unknown> {
    const ended = await world.api.poll(
      `/v1/features/historical/${retrievalId}`,
      (body) => ((body as { state: string }).state === 'running' ? undefined : body),
      { timeoutMs: 150_000, everyMs: 100 },
    );
    expect(ended).toMatchObject({ state: 'completed', error: null });
    return (ended as { result: unknown }).result;
  }

  it('gives the historical answer of an undisturbed run, byte for byte', async () => {
    const killed = await endOfRetrieval('killed');
    expect(killed).toMatchObject({ table: { sha256: expect.any(String) } });
    await startRetrieval('undisturbed');
    expect(await endOfRetrieval('undisturbed')).toEqual(killed);
    // The retrieval is what ended last: by now every boundary was met.
    expect(KILLS.filter((names) => !existsSync(markerOf(names)))).toEqual([]);
  });

  it('makes exactly one dataset version, one model version, one promotion, one history entry and one event', async () => {
    const client = await MongoClient.connect(world.stack.addresses.mongodbUri);
    try {
      const db = client.db(world.stack.addresses.database);
      const count = (collection: string, filter: object = {}): Promise<number> =>
        db.collection(collection).countDocuments(filter);
      expect({
        datasetVersions: await count('dataset_versions'),
        modelVersions: await count('model_versions'),
        inProduction: await count('model_versions', { stage: 'production' }),
        history: await count('alias_history'),
        promotionsAudited: await count('audit_log', { action: 'champion.changed' }),
        promotionEvents: await count('outbox', { type: 'champion.changed' }),
        registrationEvents: await count('outbox', { type: 'version.registered' }),
      }).toEqual({
        datasetVersions: 1,
        modelVersions: 1,
        inProduction: 1,
        history: 1,
        promotionsAudited: 1,
        promotionEvents: 1,
        registrationEvents: 1,
      });
    } finally {
      await client.close();
    }
    expect(await world.api.get('/v1/audit/verification')).toMatchObject({ valid: true });
  });

  it('leaves one finished run, and one of each trial nested in it, with the loss of every tree once', async () => {
    const { items } = (await world.api.get('/v1/runs?experiment=flight-delay')) as {
      items: { runId: string; status: string; tags: { key: string; value: string }[] }[];
    };
    expect(items.map(({ status }) => status)).toEqual(['FINISHED', 'FINISHED', 'FINISHED', 'FINISHED']);
    const ofPipeline = items.find(({ tags }) => tags.every(({ key }) => key !== 'mlflow.parentRunId'));
    const parent = { key: 'mlflow.parentRunId', value: ofPipeline?.runId };
    expect(items.filter(({ tags }) => tags.some((tag) => isDeepStrictEqual(tag, parent)))).toHaveLength(3);
    expect(ofPipeline?.tags).toContainEqual({ key: 'perennial.version', value: '1' });
    for (const { runId } of items) {
      const history = (await world.api.get(`/v1/runs/${runId}/metrics?key=training_loss`)) as {
        items: { step: number }[];
      };
      expect(history.items.map(({ step }) => step)).toEqual(Array.from({ length: 20 }, (_unused, index) => index + 1));
    }
  });

  it('leaves the feature rows, in history and online, that an undisturbed run leaves', async () => {
    const views = await materializedTwin(world, 'origin-traffic');
    expect(views.twin.chunks.length).toBeGreaterThan(1);
    expect(views.disturbed).toEqual(views.twin);
  });

  it('moves every pushed row into history once, and online only those that were to go there', async () => {
    const kept = orders(0, 150).map(({ keys, values }) => [String(keys.order_id), values.amount]);
    const query = 'select order_id::varchar as order_id, amount from history order by history.order_id';
    const rows = await queryHistory(world, 'order-facts', query);
    expect(rows.map((row) => [row['order_id'], row['amount']])).toEqual(kept);
    const chunks = await readCollection(world, 'materializations', { view: 'order-facts' });
    expect(chunks.map(({ content }) => content)).toEqual(['pushed', 'pushed']);
    expect(new Map(chunks.map(({ online, rows: count }) => [online, Number(count)]))).toEqual(
      new Map([
        [false, 50],
        [true, 100],
      ]),
    );
    const online = await readCollection(world, 'online_order-facts');
    const amounts = online.map(({ _id, values }) => [String(_id).slice(1, -1), (values as { amount: number }).amount]);
    expect(amounts.length).toBe(100);
    expect(Object.fromEntries(amounts)).toEqual(Object.fromEntries(kept.slice(0, 100)));
  });
});

describe('processes and engines killed under traffic', () => {
  let world: SmallWorld;

  beforeAll(async () => {
    world = await openSmallWorld({ sharedEngines: false });
    await world.prepare({
      gates: [{ metric: 'roc_auc', min: 0.55 }],
      rollout: { canary: [{ weight: 50, for: '1d' }], minRows: 5 },
    });
  });

  afterAll(async () => {
    await world.close();
  });

  const stateOf = (name: string) => {
    const state = world.stack.processes().find((process) => process.name === name);
    if (state?.pid == null) throw new Error(`${name} is not running`);
    return { ...state, pid: state.pid };
  };

  /** Kills processes at once and waits until the supervisor has each of them healthy again, with another pid. */
  const killAndRecover = async (...names: readonly string[]): Promise<void> => {
    const before = names.map((name) => stateOf(name).pid);
    for (const pid of before) killNow(pid);
    const recovered = (): boolean =>
      names.every((name, index) => {
        const state = world.stack.processes().find((process) => process.name === name);
        return state?.status === 'healthy' && state.pid !== null && state.pid !== before[index];
      });
    await expect.poll(recovered, { timeout: 60_000, interval: 100 }).toBe(true);
  };

  const answersAgain = async (): Promise<number> => {
    for (let tries = 0; tries < 300; tries += 1) {
      const answer = await world.infer(5).catch(() => null);
      if (answer?.status === 200) return answer.status;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error('serving does not answer');
  };

  it('completes the first rollout although the worker dies while it trains', async () => {
    const pipelineId = await world.train('first', asOfBefore(1));
    await world.reach(pipelineId, 'training', 'evaluation');
    await killAndRecover('worker');
    const waiting = await world.reach(pipelineId, 'awaiting_approval');
    await world.decide(waiting, { decision: 'approve' });
    expect((await world.reach(pipelineId, 'closed')).outcome).toBe('promoted');
    expect(await answersAgain()).toBe(200);
  });

  it('completes a canary although worker, API, serving, MongoDB and Temporal die on the way', async () => {
    const pipelineId = await world.train('second');
    const waiting = await world.reach(pipelineId, 'awaiting_approval');
    const { address } = stateOf('temporal');
    await killAndRecover('temporal');
    expect(stateOf('temporal')).toMatchObject({ address, restarts: 1 });
    const healthUrl = stateOf('temporal').healthUrl ?? '';
    expect((await fetch(healthUrl)).status).toBe(200);
    // The check asks for its search attributes, so that a server without them would not be healthy.
    expect((await fetch(healthUrl.replaceAll('MlModel', 'MlUnknown'))).status).toBe(400);
    await killAndRecover('mongod');
    expect(stateOf('mongod').restarts).toBe(1);
    await world.decide(waiting, { decision: 'approve' });
    await world.api.poll(`/v1/rollouts/${pipelineId}`, (body) =>
      (body as { steps: unknown[] }).steps.length === 1 ? true : undefined,
    );
    await killAndRecover('worker', 'api', 'serving');
    expect(await answersAgain()).toBe(200);
    for (const date of ['2001-03-02', '2001-03-03', '2001-03-04']) {
      await world.infer(40, { departedTs: (Date.parse(`${date}T00:00:00Z`) - 3 * 3_600_000) * 1_000 });
      await world.observe(`${date}T00:00:00Z`);
      await world.api.poll('/v1/endpoints/flight-delay', (body) =>
        Date.parse((body as { watermark: string }).watermark) >= Date.parse(`${date}T00:00:00Z`) ? true : undefined,
      );
    }
    expect((await world.reach(pipelineId, 'closed')).outcome).toBe('promoted');
    const { items } = (await world.api.get('/v1/models/flight-delay/champions')) as { items: { version: number }[] };
    expect(items.map(({ version }) => version)).toEqual([2, 1]);
    expect(await world.api.get('/v1/audit/verification')).toMatchObject({ valid: true });
  });
});
