import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AS_OF, smallResources, writeSmallFlights } from '../support/small-flights.js';
import { openSmallWorld, type PipelineView, type SmallWorld } from '../support/small-world.js';

const COMMON = {
  spine: { dataset: 'flights', eventTime: 'departed_ts' },
  split: { holdout: '14d' },
  approval: { allowUnauthenticated: true },
};
/** The small flights fly in a circle: where one departs says where it arrives, which is what this model must find. */
const DESTINATION = {
  task: 'multiclass',
  endpoint: 'destination',
  label: { expression: 'destination', availableAfter: '12h' },
  features: [{ request: 'origin' }, { request: 'distance' }],
  trainer: { kind: 'gbdt', parameters: { trees: 10, depth: 3 } },
  evaluation: { trusted: ['origin'] },
  gates: [{ metric: 'accuracy', min: 0.95 }],
};
/** Delays are 40 or −3 minutes, later in the evening and on long legs; a number to predict all the same. */
const MINUTES = {
  task: 'regression',
  endpoint: 'minutes',
  label: { expression: 'delay', availableAfter: '12h' },
  weight: { expression: 'distance + 1' },
  features: [{ name: 'hour', expression: 'hour_of(departed_ts)' }, { request: 'distance' }],
  trainer: { kind: 'linear' },
  gates: [{ metric: 'rmse', max: 25 }],
};

function resources(): unknown[] {
  const declare = (kind: string, name: string, spec: object) => ({
    apiVersion: 'perennial/v1',
    kind,
    metadata: { name },
    spec,
  });
  const data = smallResources().filter(({ kind }) => kind === 'Dataset');
  const models = [DESTINATION, MINUTES].flatMap((spec) => [
    declare('Endpoint', spec.endpoint, { clock: 'event' }),
    declare('Model', spec.endpoint, { ...COMMON, ...spec }),
  ]);
  return [...data, ...models];
}

describe('models of classes and of numbers', () => {
  let world: SmallWorld;

  beforeAll(async () => {
    world = await openSmallWorld();
    await writeSmallFlights(world.source);
    await world.api.put('/v1/resources', resources());
    await world.api.post('/v1/datasets/flights/ingestions', { source: world.source, ingestionId: 'small' });
    await world.api.poll('/v1/ingestions/small', (body) =>
      (body as { state: string }).state === 'running' ? undefined : body,
    );
  });

  afterAll(async () => {
    await world.close();
  });

  async function promote(model: string): Promise<PipelineView> {
    const { pipelineId } = (await world.api.post(`/v1/models/${model}/runs`, {
      requestId: 'first',
      reason: 'a test wants it',
      asOf: AS_OF,
    })) as { pipelineId: string };
    await world.decide(await world.reach(pipelineId, 'awaiting_approval'), { decision: 'approve' });
    return world.reach(pipelineId, 'closed');
  }

  async function ask(endpoint: string, inputs: object[]): Promise<Record<string, unknown>> {
    const response = await fetch(`${world.servingUrl}/v2/models/${endpoint}/infer`, {
      method: 'POST',
      body: JSON.stringify({ inputs: inputs.map((input) => ({ shape: [2], ...input })) }),
    });
    const { outputs } = (await response.json()) as { outputs: { name: string; data: unknown }[] };
    return Object.fromEntries(outputs.map(({ name, data }) => [name, data]));
  }

  const departed = { name: 'departed_ts', datatype: 'INT64', data: [983_440_000_000_000, 983_440_000_000_000] };

  it('go through pipeline, registration, staging checks, approval and rollout, and answer', async () => {
    const closed = await Promise.all([promote('destination'), promote('minutes')]);
    expect(closed.map(({ outcome, reasons }) => [outcome, reasons])).toEqual([
      ['promoted', expect.anything()],
      ['promoted', expect.anything()],
    ]);
    const named = await ask('destination', [
      { name: 'origin', datatype: 'BYTES', data: ['ORD', 'SEA'] },
      { name: 'distance', datatype: 'FP32', data: [500, 900] },
      departed,
    ]);
    expect(named).toMatchObject({ class: ['DEN', 'ORD'], decision: [0, 1], model_version: [1, 1] });
    const { prediction } = await ask('minutes', [{ name: 'distance', datatype: 'FP32', data: [100, 2_400] }, departed]);
    const [near = 0, far = 0] = prediction as number[];
    // Rates of delay run from 0.1 to 0.8, so means lie between 1.3 and 31.4 minutes, and grow with distance.
    expect([near > -3, far < 40, far > near + 3]).toEqual([true, true, true]);
  });

  it('take their kinds of labels, and their versions say what they are', async () => {
    const label = async (endpoint: string, value: unknown): Promise<number> => {
      const response = await fetch(`${world.servingUrl}/v1/endpoints/${endpoint}/ground-truth`, {
        method: 'POST',
        body: JSON.stringify({ labels: [{ predictionId: `${endpoint}-1`, label: value }] }),
      });
      return response.status;
    };
    expect([await label('destination', 'DEN'), await label('minutes', 17.5), await label('minutes', 'DEN')]).toEqual([
      200, 200, 400,
    ]);
    const tasks = await Promise.all(
      ['destination', 'minutes'].map(
        async (model) => ((await world.api.get(`/v1/models/${model}/versions/1/evidence`)) as { task: string }).task,
      ),
    );
    expect(tasks).toEqual(['multiclass', 'regression']);
  });
});
