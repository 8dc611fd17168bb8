/** What serving takes in and gives out besides predictions: ground truth, and plain reads of online features. */
import { z } from 'zod';
import { durationMicros } from '../domain/duration.js';
import { DomainError } from '../domain/errors.js';
import { GroundTruth } from '../domain/prediction.js';
import { valueAt } from '../scoring/feature-lookup.js';
import { onlineKey } from '../store/contracts/features.js';
import type { Stores } from '../store/contracts/index.js';

const GroundTruthBody = z.strictObject({ labels: z.array(GroundTruth).min(1).max(10_000) });
const OnlineBody = z.strictObject({
  view: z.string(),
  /** Entity keys in the order of the entity's declaration. */
  keys: z
    .array(z.array(z.union([z.string(), z.number()])).min(1))
    .min(1)
    .max(1_000),
  /** Microseconds; now, where it is left out. */
  asOf: z.number().int().optional(),
});

export async function takeGroundTruth(
  stores: Stores,
  endpoint: string,
  call: { body: string; now: number },
): Promise<{ accepted: number; changed: number }> {
  const { labels } = parseBody(GroundTruthBody, call.body);
  const changed = await stores.predictions.saveGroundTruth(
    endpoint,
    labels.map((label) => ({ ...label, knownTs: label.knownTs ?? call.now })),
    call.now,
  );
  return { accepted: labels.length, changed };
}

export async function readOnlineFeatures(stores: Stores, call: { body: string; now: number }): Promise<unknown> {
  const { view, keys, asOf = call.now } = parseBody(OnlineBody, call.body);
  const stored = await stores.resources.get('FeatureView', view);
  if (stored === null || stored.resource.kind !== 'FeatureView')
    throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'FeatureView', name: view, hint: '' });
  const { spec } = stored.resource;
  const maxAgeMicros = spec.maxAge === undefined ? null : durationMicros(spec.maxAge);
  const rows = await stores.features.readOnline(view, keys.map(onlineKey));
  const results = keys.map((key) => {
    const row = rows.get(onlineKey(key)) ?? null;
    const values = spec.features.map(({ name }) => {
      const { status, value } = valueAt(row, { feature: name, eventTs: asOf, maxAgeMicros });
      return [name, { value: Number.isNaN(value) ? null : value, status }] as const;
    });
    return {
      key,
      eventTs: row?.eventTs ?? null,
      knownTs: row?.knownTs ?? null,
      ageMs: row === null ? null : (asOf - row.eventTs) / 1_000,
      features: Object.fromEntries(values),
    };
  });
  return { view, asOf, results };
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
    .map(({ path, message }) => `${path.join('.')}: ${message}`)
    .join('; ');
  throw new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem });
}
