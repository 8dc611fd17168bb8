import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Micros, MICROS_PER_HOUR, MICROS_PER_SECOND, micros, parseIso, toIso } from '../../domain/time.js';
import { type Serving, startServing } from '../../serving/server.js';
import { openTableEngine } from '../../store/tables/engine.js';
import { documentOf } from '../support/document.js';
import { type FeatureWorld, openFeatureWorld } from './feature-world.js';

const T = parseIso('2026-03-01T10:00:00Z');
const SPLIT = micros(T - MICROS_PER_HOUR - MICROS_PER_SECOND);

const HEADER = 'at,sensor,value';
const BEFORE_SPLIT = [
  '2026-03-01T06:00:00Z,1,0.1',
  '2026-03-01T07:00:00Z,1,0.3',
  // T - 4 h in Berlin.
  '2026-03-01T07:00:00+01:00,3,4',
];
const AFTER_SPLIT = [
  '2026-03-01T10:00:00Z,2,',
  // T - 1 h on the west coast of America.
  '2026-03-01T01:00:00-08:00,3,5',
];

const dataset = (name: string) =>
  documentOf('Dataset', name, {
    columns: [
      { name: 'at', type: 'timestamp' },
      { name: 'sensor', type: 'integer' },
      { name: 'value', type: 'float', nullable: true },
    ],
    eventTime: 'at',
    knowledge: { from: 'event', delay: '0s' },
  });
const VIEW = { entity: 'sensor', keys: { sensor: 'sensor' } };
const RESOURCES = [
  documentOf('Entity', 'sensor', { keys: [{ name: 'sensor', type: 'integer' }] }),
  dataset('arriving'),
  dataset('complete'),
  documentOf('FeatureView', 'rows', {
    ...VIEW,
    dataset: 'arriving',
    features: [{ name: 'value', expression: 'value', type: 'double' }],
  }),
  documentOf('FeatureView', 'cuts', {
    ...VIEW,
    dataset: 'complete',
    features: [{ name: 'value', aggregate: 'last', expression: 'value', window: '1d' }],
    cuts: { every: '1h' },
  }),
];
const VIEWS = ['rows', 'cuts'];
const SENSORS = [1, 2, 3];

/** Case C26: step by step, with everything between the sources and the two ways to read. */
describe('values offline and online as time goes on', () => {
  let world: FeatureWorld;
  let serving: Serving;
  let now = SPLIT;

  beforeAll(async () => {
    world = await openFeatureWorld({ now: () => now });
    expect(await world.api.call('put', '/v1/resources', { body: RESOURCES })).toMatchObject({ status: 200 });
    serving = await startServing({
      stores: world.api.dependencies.stores,
      host: '127.0.0.1',
      port: 0,
      auth: 'open',
      now: () => now,
      onProblem: () => undefined,
      openTables: () =>
        openTableEngine({
          dataDirectories: [world.api.folder],
          spillDirectory: join(world.api.folder, 'spill'),
          memoryLimit: '256MB',
        }),
    });
  });

  afterAll(async () => {
    await serving.close();
    await world.close();
  });

  /** By view, the value of each sensor: from the history of features, as of a time. */
  async function offline(at: Micros): Promise<Record<string, unknown[]>> {
    const rows = SENSORS.map((sensor) => ({ sensor, event_ts: toIso(at) }));
    const { ended } = await world.retrieve({ spine: { rows }, features: VIEWS, fullNames: true });
    expect(ended).toMatchObject({ state: 'completed', leaks: false, error: null });
    const table = await world.tableOf(ended['retrievalId']);
    expect(table.map(({ sensor }) => Number(sensor))).toEqual(SENSORS);
    return Object.fromEntries(VIEWS.map((view) => [view, table.map((row) => row[`${view}__value`])]));
  }

  /** The same as serving answers it: of now, or as of a time. */
  async function online(asOf?: number): Promise<Record<string, unknown[]>> {
    const response = await fetch(`${serving.url}/v1/features/online`, {
      method: 'POST',
      body: JSON.stringify({ features: VIEWS, fullNames: true, entities: { sensor: SENSORS }, asOf }),
    });
    const { features } = (await response.json()) as { features: { name: string; values: unknown[] }[] };
    const byName = new Map(features.map(({ name, values }) => [name, values]));
    return Object.fromEntries(VIEWS.map((view) => [view, byName.get(`${view}__value`) ?? []]));
  }

  /** First and last cut or commit of each chunk, in the order in which they were kept. */
  async function intervals(view: string): Promise<unknown[]> {
    const chunks = await world.api.dependencies.stores.features.chunks(view, 1);
    return chunks.map(({ content, fromCommit, commitSeq, fromCut, toCut }) =>
      content === 'rows' ? [fromCommit, commitSeq] : [toIso(micros(fromCut)), toIso(micros(toCut))],
    );
  }

  it('are the same after a first materialisation up to a moment and an incremental one up to now', async () => {
    const first = { rows: [0.3, null, 4], cuts: [Math.fround(0.3), null, 4] };
    const second = { rows: [0.3, null, 5], cuts: [Math.fround(0.3), null, 5] };

    await world.ingest('arriving', [HEADER, ...BEFORE_SPLIT]);
    await world.ingest('complete', [HEADER, ...BEFORE_SPLIT, ...AFTER_SPLIT]);
    expect(await world.materialize('rows')).toMatchObject({ rows: 3, onlineRows: 2 });
    // The source holds what comes after the moment already; nothing of it may be in.
    expect(await world.materialize('cuts', toIso(SPLIT))).toMatchObject({ onlineRows: 2 });
    expect(await offline(SPLIT)).toEqual(first);
    expect(await online()).toEqual(first);

    now = T;
    await world.ingest('arriving', [HEADER, ...AFTER_SPLIT]);
    expect(await world.materialize('rows')).toMatchObject({ rows: 2, onlineRows: 2 });
    await world.materialize('cuts', toIso(T));
    expect(await offline(T)).toEqual(second);
    expect(await online()).toEqual(second);

    // What was true at the moment still is, on both sides.
    expect(await offline(SPLIT)).toEqual(first);
    expect(await online(SPLIT)).toEqual(first);

    expect(await intervals('rows')).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(await intervals('cuts')).toEqual([
      ['2026-03-01T07:00:00.000Z', '2026-03-01T08:00:00.000Z'],
      ['2026-03-01T09:00:00.000Z', '2026-03-01T10:00:00.000Z'],
    ]);
  });
});
