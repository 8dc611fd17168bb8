/** What serving takes in besides requests: ground truth. */
import { z } from 'zod';
import type { EndpointState } from '../domain/endpoint.js';
import { DomainError } from '../domain/errors.js';
import { GroundTruth } from '../domain/prediction.js';
import type { Stores } from '../store/contracts/index.js';
import { parseBody } from './json-body.js';
import { CLOCKS_DIFFER_MICROS } from './online-request.js';
import type { StoreAccess } from './store-access.js';

export interface IntakeDependencies {
  readonly stores: Pick<Stores, 'predictions'>;
  readonly access: StoreAccess;
}

/** Thousands of labels in one call take seconds to write. */
const SAVE_LABELS_MS = 20_000;

const GroundTruthBody = z.strictObject({ labels: z.array(GroundTruth).min(1).max(10_000) });

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
