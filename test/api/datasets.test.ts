import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scheduleIds } from '../../domain/ids.js';
import { leaveRecords, MODEL } from '../support/api-records.js';
import { type ApiWorld, openApiWorld } from '../support/api-world.js';

const COLUMNS = [
  { name: 'ts', type: 'timestamp' },
  { name: 'price', type: 'float' },
];

describe('datasets over the API', () => {
  let world: ApiWorld;

  beforeAll(async () => {
    world = await openApiWorld();
    await leaveRecords(world.dependencies.stores);
  });
  afterAll(() => world.close());

  const document = (name: string, spec: object = {}) => {
    const base = { columns: COLUMNS, eventTime: 'ts' };
    return { apiVersion: 'perennial/v1', kind: 'Dataset', metadata: { name }, spec: { ...base, ...spec } };
  };
  const apply = (name: string, spec: object = {}) => world.call('put', '/v1/resources', { body: document(name, spec) });
  const schedule = (name: string) => world.temporal.client.schedule.getHandle(scheduleIds.ingestDataset(name));

  it('refuse a revision that the rows of their versions cannot follow, and say what to write', async () => {
    const { body } = await world.call('get', '/v1/resources/Dataset/flights');
    const { spec } = body['resource'] as { spec: { columns: { name: string; type: string }[] } };
    const columns = spec.columns.map((column) => (column.name === 'delay' ? { ...column, type: 'integer' } : column));
    const refused = await apply('flights', { ...spec, columns: [...columns, { name: 'gate', type: 'string' }] });
    expect(refused.status).toBe(409);
    expect(refused.body.error).toMatchObject({
      code: 'PRN_DATASET_SCHEMA_CHANGE',
      details: {
        changes:
          'delay was float and is now integer: write `type: float`, or add a nullable column of another name; ' +
          'gate is new and old rows do not have it: write `nullable: true`',
      },
    });
    const grown = { ...spec, columns: [...spec.columns, { name: 'gate', type: 'string', nullable: true }] };
    expect((await apply('flights', grown)).body['applied']).toMatchObject([{ change: 'changed' }]);
    // Nothing was written under that revision, so that it may be taken back.
    expect((await apply('flights', spec)).status).toBe(200);
    const retyped = { ...grown, columns: [...spec.columns, { name: 'gate', type: 'float' }], mode: 'replace' };
    expect((await apply('flights', retyped)).status).toBe(200);
    expect((await apply('flights', spec)).status).toBe(200);
  });

  it('keep their feature views as production reads them: a change needs another name', async () => {
    const { body } = await world.call('get', '/v1/resources/FeatureView/origin-traffic');
    const view = body['resource'] as { spec: object; metadata: object };
    const refused = await world.call('put', '/v1/resources', {
      body: { ...view, spec: { ...view.spec, maxAge: '9d' } },
    });
    expect(refused.status).toBe(409);
    expect(refused.body.error).toMatchObject({
      code: 'PRN_FEATURE_VIEW_IN_USE',
      details: { view: 'origin-traffic', readers: `${MODEL}/1` },
    });
    const described = { ...view, metadata: { ...view.metadata, description: 'late departures' } };
    expect((await world.call('put', '/v1/resources', { body: described })).status).toBe(200);
    const renamed = { ...view, metadata: { name: 'origin-traffic-9d' }, spec: { ...view.spec, maxAge: '9d' } };
    expect((await world.call('put', '/v1/resources', { body: renamed })).status).toBe(200);
  });

  it('have a Temporal schedule while they declare one', async () => {
    expect((await apply('prices', { source: '/data/prices.csv', schedule: { every: '1h' } })).status).toBe(200);
    const first = await schedule('prices').describe();
    expect(first.spec.intervals?.map(({ every }) => every)).toEqual([3_600_000]);
    expect(first.action).toMatchObject({ workflowType: 'ingestDataset', workflowId: 'ingest/scheduled-prices' });
    expect((await apply('prices', { source: '/data/prices.csv', schedule: { every: '2h' } })).status).toBe(200);
    const { spec, action } = await schedule('prices').describe();
    expect(spec.intervals?.map(({ every }) => every)).toEqual([7_200_000]);
    expect(action.type === 'startWorkflow' ? action.args : []).toEqual([
      { dataset: 'prices', sourceUri: '/data/prices.csv', requestedBy: 'schedule of admin', timing: 'test' },
    ]);
    expect((await apply('prices', { source: '/data/prices.csv' })).status).toBe(200);
    await expect(schedule('prices').describe()).rejects.toThrow(/not found/i);
    await apply('prices', { source: '/data/prices.csv', schedule: { every: '1h' } });
    expect((await world.call('delete', '/v1/resources/Dataset/prices')).status).toBe(200);
    await expect(schedule('prices').describe()).rejects.toThrow(/not found/i);
  });

  it('ingest what they declare when no source is named', async () => {
    await apply('rates', { source: { mongo: { collection: 'rates', database: 'bank', highWater: '_id' } } });
    await apply('plain');
    await apply('made', { query: { sql: 'select * from r', from: { r: 'rates' } } });
    const start = (name: string, body: object) => world.call('post', `/v1/datasets/${name}/ingestions`, { body });
    expect((await start('rates', {})).body).toMatchObject({ sourceUri: 'mongo:bank/rates', state: 'running' });
    expect((await start('made', {})).body).toMatchObject({ sourceUri: 'query:made' });
    expect((await start('made', { source: '/data/a.csv' })).body.error?.message).toContain('is made by a query');
    expect((await start('plain', {})).body.error?.message).toContain('declares no source');
  });

  it('refuse queries over unknown datasets, in a circle, and schedules without a source', async () => {
    const over = (dataset: string) => ({ query: { sql: 'select * from x', from: { x: dataset } } });
    expect((await apply('first', over('nothing'))).body.error?.code).toBe('PRN_RESOURCE_REFERENCE');
    const circle = [document('first', over('second')), document('second', over('first'))];
    const answer = await world.call('put', '/v1/resources', { body: circle });
    expect(answer.body.error?.code).toBe('PRN_RESOURCE_CYCLE');
    expect((await apply('idle', { schedule: { every: '1h' } })).body.error?.message).toContain(
      'schedule needs a source or a query',
    );
    expect((await apply('hasty', { source: '/a.csv', schedule: { every: '10ms' } })).status).toBe(400);
  });
});
