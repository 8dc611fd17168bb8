/** What serving takes in besides requests: ground truth. */
import { z } from 'zod';
import type { EndpointState } from '../domain/endpoint.js';
import { DomainError } from '../domain/errors.js';
import { EXPECTED_LABELS, GroundTruth, outcomeOf } from '../domain/prediction.js';
import type { Task } from '../domain/task.js';
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
 * refused: no later one could ever correct it. So is what is no outcome of the endpoint's task.
 */
export async function takeGroundTruth(
  { stores, access }: IntakeDependencies,
  { endpoint, clock, task }: Pick<EndpointState, 'endpoint' | 'clock'> & { readonly task: Task },
  call: { body: string; now: number },
): Promise<{ accepted: number; changed: number }> {
  const { labels } = parseBody(GroundTruthBody, call.body);
  const latest = clock === 'wall' ? call.now + CLOCKS_DIFFER_MICROS : Number.MAX_SAFE_INTEGER;
  const early = labels.findIndex(({ knownTs = 0 }) => knownTs > latest);
  if (early >= 0)
    throw new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem: `labels.${early}.knownTs is in the future` });
  const known = labels.map(({ predictionId, label, knownTs = call.now }, index) => {
    const outcome = outcomeOf(task, label);
    if (outcome !== null) return { predictionId, outcome, knownTs };
    const problem = `labels.${index}.label must be ${EXPECTED_LABELS[task]}, got ${JSON.stringify(label)}`;
    throw new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem });
  });
  const save = (): Promise<number> => stores.predictions.saveGroundTruth(endpoint, known, call.now);
  const changed = await access.ask('The ground-truth store', save, SAVE_LABELS_MS);
  return { accepted: labels.length, changed };
}
