/** What serving takes in and gives out besides predictions: ground truth, and plain reads of online features. */
import { z } from 'zod';
import { durationMicros } from '../domain/duration.js';
import type { EndpointState } from '../domain/endpoint.js';
import { DomainError } from '../domain/errors.js';
import type { EntityKey, FeatureViewSpec } from '../domain/feature-view.js';
import { GroundTruth } from '../domain/prediction.js';
import { MICROS_PER_SECOND } from '../domain/time.js';
import { ageMsAt, keyValue, valueAt } from '../scoring/feature-lookup.js';
import { onlineKey } from '../store/contracts/features.js';
import type { Stores } from '../store/contracts/index.js';
import type { StoreAccess } from './store-access.js';

export interface IntakeDependencies {
  readonly stores: Pick<Stores, 'features' | 'predictions' | 'resources'>;
  readonly access: StoreAccess;
}

/** Thousands of labels in one call take seconds to write. */
const SAVE_LABELS_MS = 20_000;

/** Clocks of machines differ. */
const CLOCKS_DIFFER_MICROS = 5 * 60 * MICROS_PER_SECOND;

const GroundTruthBody = z.strictObject({ labels: z.array(GroundTruth).min(1).max(10_000) });
const OnlineBody = z.strictObject({
  view: z.string().max(63),
  /** Entity keys in the order of the entity's declaration. */
  keys: z
    .array(z.array(z.union([z.string(), z.number()])).min(1))
    .min(1)
    .max(1_000),
  /** Microseconds; now, where it is left out. */
  asOf: z.number().int().optional(),
});

/**
 * `changed` counts labels that were new or known later than the one that stood. On a wall clock a label from the future is
 * refused: no later one could ever correct it.
 */
export async function takeGroundTruth(
  { stores, access }: IntakeDependencies,
  { endpoint, clock }: Pick<EndpointState, 'endpoint' | 'clock'>,
  call: { body: string; now: number },
): Promise<{ accepted: number; changed: number }> {
  const { labels } = parseBody(GroundTruthBody, call.body);
  const latest = clock === 'wall' ? call.now + CLOCKS_DIFFER_MICROS : Number.MAX_SAFE_INTEGER;
  const early = labels.findIndex(({ knownTs = 0 }) => knownTs > latest);
  if (early >= 0)
    throw new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem: `labels.${early}.knownTs is in the future` });
  const known = labels.map((label) => ({ ...label, knownTs: label.knownTs ?? call.now }));
  const save = (): Promise<number> => stores.predictions.saveGroundTruth(endpoint, known, call.now);
  const changed = await access.ask('The ground-truth store', save, SAVE_LABELS_MS);
  return { accepted: labels.length, changed };
}

/** The newest row of each entity, seen from `asOf`: values with their status, and the age of the row. */
export async function readOnlineFeatures(
  { stores, access }: IntakeDependencies,
  call: { body: string; now: number },
): Promise<unknown> {
  const { view, keys, asOf = call.now } = parseBody(OnlineBody, call.body);
  const { spec, entityKeys } = await access.ask('The resource store', () => requireView(stores, view));
  const texts = keys.map((key, index) => keyText(key, entityKeys, index));
  const rows = await access.ask('The online feature store', () =>
    stores.features.readOnline(view, [...new Set(texts)]),
  );
  const maxAgeMicros = spec.maxAge === undefined ? null : durationMicros(spec.maxAge);
  const results = keys.map((key, index) => {
    const found = rows.get(texts[index] ?? '') ?? null;
    const row = found === null || found.deleted || found.eventTs > asOf ? null : found;
    const values = spec.features.map(({ name }) => {
      const { status, value } = valueAt(row, { feature: name, eventTs: asOf, maxAgeMicros });
      return [name, { value, status }] as const;
    });
    return {
      key,
      eventTs: row?.eventTs ?? null,
      knownTs: row?.knownTs ?? null,
      ageMs: ageMsAt(row, asOf),
      features: Object.fromEntries(values),
    };
  });
  return { view, asOf, results };
}

async function requireView(
  { resources }: Pick<Stores, 'resources'>,
  name: string,
): Promise<{ spec: FeatureViewSpec; entityKeys: readonly EntityKey[] }> {
  const view = await resources.get('FeatureView', name);
  if (view?.resource.kind !== 'FeatureView')
    throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'FeatureView', name, hint: '' });
  const { spec } = view.resource;
  if (spec.entity === undefined) return { spec, entityKeys: [] };
  const entity = await resources.get('Entity', spec.entity);
  if (entity?.resource.kind !== 'Entity')
    throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'Entity', name: spec.entity, hint: '' });
  return { spec, entityKeys: entity.resource.spec.keys };
}

/** The canonical text of a key in the types of its entity. */
function keyText(key: readonly (string | number)[], entityKeys: readonly EntityKey[], index: number): string {
  const invalid = (problem: string): DomainError =>
    new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem: `keys.${index}: ${problem}` });
  if (key.length !== entityKeys.length)
    throw invalid(`expected ${entityKeys.map(({ name }) => name).join(', ')}, got ${key.length} values`);
  const values = entityKeys.map(({ name, type }, part) => {
    const value = keyValue(type, key[part] ?? '');
    if (value === null) throw invalid(`${name} must be an integer`);
    return value;
  });
  return onlineKey(values);
}

function parseBody<S extends z.ZodType>(schema: S, body: string): z.infer<S> {
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch {
    throw new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem: 'it is not JSON' });
  }
  const parsed = schema.safeParse(document);
  if (parsed.success) return parsed.data;
  const problem = parsed.error.issues
    .slice(0, 3)
    .map(({ path, message }) => `${path.join('.')}: ${message.slice(0, 200)}`)
    .join('; ');
  throw new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem });
}
