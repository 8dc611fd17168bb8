/** Endpoints, routes, rollouts and serving instances. Routes change only under the epoch of the endpoint's controller. */
import type { ClientSession } from 'mongodb';
import { type EndpointController, type EndpointRoutes, type EndpointState, NO_ROUTES } from '../../domain/endpoint.js';
import { DomainError } from '../../domain/errors.js';
import { ServingInstance } from '../../domain/prediction.js';
import { Rollout } from '../../domain/rollout.js';
import type { EndpointStore } from '../contracts/endpoints.js';
import { type Database, withoutId } from './database.js';
import { readEndpoint, requireControl, writeRoutes } from './endpoint-documents.js';
import { watchRoutes } from './route-watch.js';
import { type PromotionDependencies, promote } from './promotion.js';

export function createEndpointStore(database: Database, dependencies: PromotionDependencies): EndpointStore {
  const endpoints = database.collection('endpoints');
  const changes = database.collection('route_changes');
  const rollouts = database.collection('rollouts');
  const instances = database.collection('serving_instances');

  const get = async (endpoint: string, session?: ClientSession): Promise<EndpointState | null> => {
    const found = await endpoints.findOne({ _id: endpoint }, { ...(session && { session }) });
    return found === null ? null : readEndpoint(found);
  };
  const require = async (endpoint: string, session?: ClientSession): Promise<EndpointState> => {
    const state = await get(endpoint, session);
    if (state === null) throw new DomainError('PRN_ENDPOINT_NOT_FOUND', { endpoint, hint: '' });
    return state;
  };

  return {
    async ensure(endpoint, clock) {
      const initial = { endpoint, routes: NO_ROUTES, controller: null, epoch: 0, watermark: null };
      await endpoints.updateOne({ _id: endpoint }, { $set: { clock }, $setOnInsert: initial }, { upsert: true });
      return require(endpoint);
    },
    get: (endpoint) => get(endpoint),
    async list() {
      return (await endpoints.find({}).sort({ _id: 1 }).toArray()).map(readEndpoint);
    },
    async setWatermark(endpoint, watermark) {
      await endpoints.updateOne(
        { _id: endpoint, $or: [{ watermark: null }, { watermark: { $lt: watermark } }] },
        { $set: { watermark } },
      );
    },

    acquire: (endpoint, workflowId, options) =>
      database.transact(async (session) => {
        const { controller, epoch } = await require(endpoint, session);
        if (controller?.workflowId === workflowId) return { acquired: true, controller };
        if (controller !== null && options?.preempt !== true) return { acquired: false, controller };
        const next: EndpointController = { workflowId, epoch: epoch + 1 };
        await endpoints.updateOne({ _id: endpoint }, { $set: { controller: next, epoch: next.epoch } }, { session });
        return { acquired: true, controller: next };
      }),
    async release(endpoint, controller) {
      await endpoints.updateOne(
        { _id: endpoint, 'controller.epoch': controller.epoch },
        { $set: { controller: null } },
      );
    },

    setRoutes: ({ endpoint, requestId, controller, model, routes, shadow, salt }) =>
      database.transact(async (session) => {
        const done = await changes.findOne({ _id: `${endpoint}/${requestId}` }, { session });
        const state = await require(endpoint, session);
        if (done !== null)
          return state.routes.rev === done['rev'] ? state.routes : { ...state.routes, rev: Number(done['rev']) };
        requireControl(state, controller);
        const next: EndpointRoutes = {
          ...state.routes,
          rev: state.routes.rev + 1,
          model,
          routes,
          shadow: [...shadow],
          salt,
        };
        await writeRoutes(database, { session, endpoint, requestId, routes: next });
        return next;
      }),
    setStaged: ({ endpoint, model, version, staged }) =>
      database.transact(async (session) => {
        const { routes } = await require(endpoint, session);
        if (routes.staged.includes(version) === staged) return routes;
        const kept = routes.staged.filter((each) => each !== version);
        const next = {
          ...routes,
          rev: routes.rev + 1,
          model: routes.model ?? model,
          staged: staged ? [...kept, version].sort((a, b) => a - b) : kept,
        };
        await endpoints.updateOne({ _id: endpoint }, { $set: { routes: next } }, { session });
        return next;
      }),

    promote: (request) => promote(database, dependencies, request),

    async saveRollout(rollout) {
      await rollouts.replaceOne({ _id: rollout.rolloutId }, { ...rollout }, { upsert: true });
    },
    async rollout(rolloutId) {
      const found = await rollouts.findOne({ _id: rolloutId });
      return found === null ? null : Rollout.parse(withoutId(found));
    },
    async rollouts({ endpoint, model, open }) {
      const filter = {
        ...(endpoint && { endpoint }),
        ...(model && { model }),
        ...(open === true && { endedTs: null }),
      };
      const found = await rollouts.find(filter).sort({ startedTs: -1 }).toArray();
      return found.map((document) => Rollout.parse(withoutId(document)));
    },
    async saveEvaluation({ key, rolloutId, content }) {
      await database
        .collection('evaluations')
        .updateOne({ _id: key }, { $setOnInsert: { rolloutId, content } }, { upsert: true });
    },

    async saveInstance(instance) {
      await instances.replaceOne({ _id: instance.instanceId }, { ...instance }, { upsert: true });
    },
    async removeInstance(instanceId) {
      await instances.deleteOne({ _id: instanceId });
    },
    async instances(since) {
      const found = await instances.find({ heartbeatTs: { $gte: since } }).toArray();
      return found.map((document) => ServingInstance.parse(withoutId(document)));
    },
    watchRoutes: (onState, onHealth) =>
      watchRoutes(endpoints, { onState: (document) => onState(readEndpoint(document)), onHealth }),
  };
}
