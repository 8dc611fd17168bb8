/** A serving world with views of every kind: typed row features, two keys, no entity, and names that clash. */
import { join } from 'node:path';
import { Resource } from '../../domain/resources.js';
import type { OnlineFeaturesAnswer } from '../../domain/online-features.js';
import type { Serving, ServingOptions } from '../../serving/server.js';
import type { TableEngine } from '../../store/contracts/tables.js';
import { openTableEngine } from '../../store/tables/engine.js';
import { type FeatureRow, onlineRow, type ViewShape, writeChunk } from '../support/feature-rows.js';
import { DEPARTED, openServingWorld, type ServingWorld } from './serving-fixture.js';

export const ORDER_FACTS: ViewShape = {
  view: 'order-facts',
  keys: { order_id: 'integer' },
  types: { amount: 'float', exact: 'double', items: 'integer', city: 'string', paid: 'boolean', placed: 'timestamp' },
};
export const PAIR_FACTS: ViewShape = {
  view: 'pair-facts',
  keys: { a: 'string', b: 'string' },
  types: { pair: 'float' },
};
export const WEATHER: ViewShape = { view: 'weather', keys: {}, types: { amount: 'float' } };
export const TRAFFIC: ViewShape = {
  view: 'origin-traffic',
  keys: { origin: 'string' },
  types: { late_rate: 'float' },
};

export interface OnlineWorld extends ServingWorld {
  readonly tables: TableEngine;
  /** Wall time that serving goes by, microseconds. */
  readonly time: { now: number };
  serving: Serving;
  restart(options?: Partial<ServingOptions>): Promise<void>;
  /** Publishes online rows only. */
  upsert(shape: ViewShape, rows: readonly FeatureRow[]): Promise<void>;
  /** Commits history only. */
  chunk(shape: ViewShape, rows: readonly FeatureRow[]): Promise<void>;
  /** Deletes all online rows and all history. */
  forget(): Promise<void>;
  apply(document: unknown): Promise<void>;
  ask(body: unknown): Promise<{ status: number; body: OnlineFeaturesAnswer & { error?: string; code?: string } }>;
}

export async function openOnlineWorld(): Promise<OnlineWorld> {
  const base = await openServingWorld();
  const tables = await openTableEngine({ dataDirectories: [base.folder], spillDirectory: join(base.folder, 'spill') });
  const time = { now: DEPARTED };
  const start = (options: Partial<ServingOptions> = {}) => base.start({ now: () => time.now, ...options });
  const world: OnlineWorld = {
    ...base,
    tables,
    time,
    serving: await start(),
    async restart(options) {
      await world.serving.close();
      world.serving = await start(options);
    },
    upsert: ({ view }, rows) => base.stores.features.upsertOnline(view, rows.map(onlineRow)),
    chunk: (shape, rows) => writeChunk({ stores: base.stores, tables }, shape, rows),
    async forget() {
      const online = [ORDER_FACTS, PAIR_FACTS, WEATHER, TRAFFIC].map(({ view }) => `online_${view}`);
      for (const name of [...online, 'materializations']) await base.test.db.collection(name).deleteMany({});
    },
    async apply(document) {
      await base.stores.resources.apply({ resource: Resource.parse(document), actor: 'test' });
    },
    async ask(body) {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const response = await fetch(`${world.serving.url}/v1/features/online`, { method: 'POST', body: text });
      return { status: response.status, body: (await response.json()) as OnlineFeaturesAnswer };
    },
    async close() {
      await base.close();
      await tables.close();
    },
  };
  for (const resource of RESOURCES) await world.apply(resource);
  return world;
}

/** Values of one feature with their statuses, row by row. */
export function column({ body }: { body: OnlineFeaturesAnswer }, name: string): unknown[] {
  const found = body.features.find((feature) => feature.name === name);
  if (found === undefined) throw new Error(`no feature ${name} in ${JSON.stringify(body)}`);
  return found.values.map((value, row) => [value, found.statuses[row]]);
}

const apiVersion = 'perennial/v1';
const resource = (kind: string, name: string, spec: unknown) => ({ apiVersion, kind, metadata: { name }, spec });

export const ORDER_FACTS_SPEC = {
  dataset: 'orders',
  entity: 'order',
  keys: { order_id: 'order_id' },
  maxAge: '48h',
  features: [
    { name: 'amount', expression: 'amount' },
    { name: 'exact', expression: 'amount', type: 'double' },
    { name: 'items', expression: 'items', type: 'integer' },
    { name: 'city', expression: 'city' },
    { name: 'paid', expression: 'paid' },
    { name: 'placed', expression: 'placed_ts' },
  ],
};

const RESOURCES = [
  resource('Dataset', 'orders', {
    columns: [
      { name: 'placed_ts', type: 'timestamp' },
      { name: 'order_id', type: 'integer' },
      { name: 'a', type: 'string' },
      { name: 'b', type: 'string' },
      { name: 'amount', type: 'float' },
      { name: 'items', type: 'integer' },
      { name: 'city', type: 'string' },
      { name: 'paid', type: 'boolean' },
    ],
    eventTime: 'placed_ts',
  }),
  resource('Entity', 'order', { keys: [{ name: 'order_id', type: 'integer' }] }),
  resource('Entity', 'pair', {
    keys: [
      { name: 'a', type: 'string' },
      { name: 'b', type: 'string' },
    ],
  }),
  resource('FeatureView', 'order-facts', ORDER_FACTS_SPEC),
  resource('FeatureView', 'pair-facts', {
    dataset: 'orders',
    entity: 'pair',
    keys: { a: 'a', b: 'b' },
    features: [{ name: 'pair', expression: 'amount' }],
  }),
  resource('FeatureView', 'weather', { dataset: 'orders', features: [{ name: 'amount', expression: 'amount' }] }),
];
