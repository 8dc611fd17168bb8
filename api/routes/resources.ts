/** Declared resources: apply, read, compare, delete. */
import { z } from 'zod';
import { canonicalJson } from '../../domain/canonical-json.js';
import { DomainError } from '../../domain/errors.js';
import { didYouMean } from '../../domain/names.js';
import { parseResource } from '../../domain/resource-errors.js';
import { checkReferences, inApplyOrder } from '../../domain/resource-references.js';
import { type Resource, RESOURCE_KINDS, type ResourceKind } from '../../domain/resources.js';
import type { StoredResource } from '../../store/contracts/resources.js';
import type { ApiDependencies } from '../dependencies.js';
import { param, type Route, route } from '../route.js';

const Documents = z
  .union([z.array(z.unknown()).min(1).max(500), z.record(z.string(), z.unknown())])
  .meta({ description: 'One resource document or several' });
const ApplyQuery = z.object({ expectedRevision: z.coerce.number().int().nonnegative().optional() });

export function resourceRoutes({ stores, workflows }: ApiDependencies): Route[] {
  const readAll = async (body: unknown): Promise<Resource[]> => {
    const documents = Array.isArray(body) ? body : [body];
    const resources = documents.map((document, index) => parseResource(document, `document ${index + 1}`));
    checkReferences(
      resources,
      (await stores.resources.list()).map(({ resource }) => resource),
    );
    return inApplyOrder(resources);
  };

  return [
    route({
      method: 'put',
      path: '/v1/resources',
      summary: 'Apply resources: all of them or, when one does not fit, none',
      action: 'contribute',
      body: Documents,
      query: ApplyQuery,
      async handle({ body, query, actor }) {
        const applied = [];
        for (const resource of await readAll(body)) {
          const { expectedRevision } = query;
          const stored = await stores.resources.apply({
            resource,
            actor: actor.name,
            ...(expectedRevision !== undefined && { expectedRevision }),
          });
          if (resource.kind === 'Endpoint') {
            await stores.endpoints.ensure(resource.metadata.name, resource.spec.clock);
            await workflows.watchEndpoint(resource.metadata.name);
          }
          applied.push({ kind: stored.kind, name: stored.name, revision: stored.revision, change: stored.change });
        }
        return { body: { applied } };
      },
    }),
    route({
      method: 'post',
      path: '/v1/resources:diff',
      summary: 'What applying these resources would change',
      action: 'read',
      body: Documents,
      async handle({ body }) {
        const changes = [];
        for (const resource of await readAll(body)) {
          const standing = await stores.resources.get(resource.kind, resource.metadata.name);
          const same = standing !== null && canonicalJson(standing.resource) === canonicalJson(resource);
          const change = standing === null ? 'create' : same ? 'unchanged' : 'change';
          changes.push({
            kind: resource.kind,
            name: resource.metadata.name,
            change,
            before: standing?.resource ?? null,
            after: resource,
          });
        }
        return { body: { changes } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/resources/:kind',
      summary: 'Resources of a kind',
      action: 'read',
      handle: async (call) => ({
        body: { items: (await stores.resources.list(kindOf(param(call, 'kind')))).map(summary) },
      }),
    }),
    route({
      method: 'get',
      path: '/v1/resources/:kind/:name',
      summary: 'One resource with its revision',
      action: 'read',
      handle: async (call) => ({ body: await requireResource(param(call, 'kind'), param(call, 'name')) }),
    }),
    route({
      method: 'get',
      path: '/v1/resources/:kind/:name/revisions',
      summary: 'Every applied state of a resource, newest first',
      action: 'read',
      handle: async (call) => ({
        body: { items: await stores.resources.revisions(kindOf(param(call, 'kind')), param(call, 'name')) },
      }),
    }),
    route({
      method: 'delete',
      path: '/v1/resources/:kind/:name',
      summary: 'Delete a resource that nothing refers to',
      action: 'administer',
      async handle(call) {
        const { kind, name } = await requireResource(param(call, 'kind'), param(call, 'name'));
        const rest = (await stores.resources.list())
          .map(({ resource }) => resource)
          .filter((resource) => !(resource.kind === kind && resource.metadata.name === name));
        requireUnused({ kind, name }, rest);
        await stores.resources.delete(kind, name, call.actor.name);
        return { body: { kind, name, deleted: true } };
      },
    }),
  ];

  async function requireResource(kindText: string, name: string): Promise<StoredResource> {
    const kind = kindOf(kindText);
    const found = await stores.resources.get(kind, name);
    if (found !== null) return found;
    const known = (await stores.resources.list(kind)).map((stored) => stored.name);
    throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind, name, hint: didYouMean(name, known) });
  }
}

function kindOf(text: string): ResourceKind {
  const kind = RESOURCE_KINDS.find((known) => known.toLowerCase() === text.toLowerCase());
  if (kind === undefined)
    throw new DomainError('PRN_REQUEST_INVALID', {
      what: 'kind',
      problem: `there is no kind ${text}${didYouMean(text, RESOURCE_KINDS)}`,
    });
  return kind;
}

function summary({ kind, name, revision, resource, appliedBy, appliedTs }: StoredResource): unknown {
  const { owner, description } = resource.metadata;
  return { kind, name, revision, owner, description, appliedBy, appliedTs };
}

/** What breaks without the resource uses it. */
function requireUnused({ kind, name }: { kind: ResourceKind; name: string }, rest: readonly Resource[]): void {
  for (const resource of rest) {
    try {
      checkReferences([resource], rest);
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'PRN_RESOURCE_REFERENCE') throw error;
      throw new DomainError(
        'PRN_RESOURCE_IN_USE',
        { kind, name, users: `${resource.kind} ${resource.metadata.name}` },
        { cause: error },
      );
    }
  }
}
