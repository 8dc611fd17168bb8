/** Endpoint documents: reading them, the check of control, and the write of a route revision. */
import type { ClientSession } from 'mongodb';
import { type EndpointController, type EndpointRoutes, EndpointState } from '../../domain/endpoint.js';
import { DomainError } from '../../domain/errors.js';
import { type Database, type StoredDocument, withoutId } from './database.js';

/** Refused once another workflow took the endpoint over. */
export function requireControl(state: EndpointState, controller: EndpointController): void {
  if (state.controller?.epoch !== controller.epoch)
    throw new DomainError('PRN_ENDPOINT_SUPERSEDED', { endpoint: state.endpoint, epoch: state.epoch });
}

/** Writes a revision and remembers which request made it. */
export async function writeRoutes(
  database: Database,
  write: { session: ClientSession; endpoint: string; requestId: string; routes: EndpointRoutes },
): Promise<void> {
  const { session, endpoint, requestId, routes } = write;
  await database.collection('endpoints').updateOne({ _id: endpoint }, { $set: { routes } }, { session });
  await database
    .collection('route_changes')
    .insertOne({ _id: `${endpoint}/${requestId}`, endpoint, rev: routes.rev, routes }, { session });
}

export function readEndpoint(document: StoredDocument): EndpointState {
  return EndpointState.parse(withoutId(document));
}
