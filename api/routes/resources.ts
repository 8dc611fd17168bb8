/** Declared resources: apply, read, compare, delete. */
import { z } from 'zod';
import { canonicalJson } from '../../domain/canonical-json.js';
import { DomainError } from '../../domain/errors.js';
import { didYouMean } from '../../domain/names.js';
import { parseResource } from '../../domain/resource-errors.js';
import { checkReferences, inApplyOrder } from '../../domain/resource-references.js';
import { Resource, RESOURCE_KINDS, type ResourceKind } from '../../domain/resources.js';
import type { StoredResource } from '../../store/contracts/resources.js';
import type { ApiDependencies } from '../dependencies.js';
import { listOf } from '../paging.js';
import { applySchedule, dropSchedule } from '../dataset-schedule.js';
import { requireDeclared } from '../require-declared.js';
import { ResourceSummary, StoredResourceAnswer } from '../responses.js';
import { param, type Route, route } from '../route.js';
import { requireGrowing, requireUnusedViews } from '../schema-check.js';

const Documents = z.union([z.array(z.unknown()).min(1).max(500), z.record(z.string(), z.unknown())]).meta({
  description: 'One resource document or several',
  examples: [
    {
      apiVersion: 'perennial/v1',
      kind: 'Entity',
      metadata: { name: 'airport' },
      spec: { keys: [{ name: 'airport', type: 'string' }] },
    },
  ],
});
const Revision = z.coerce.number().int().nonnegative();
const ApplyQuery = z.object({
  expectedRevision: Revision.optional().meta({ description: 'As If-Match: the revision that was read, 0 for none' }),
});
const AppliedAnswer = z.strictObject({
  applied: z.array(
    z.strictObject({
      kind: z.string(),
      name: z.string(),
      revision: z.number().int(),
      change: z.enum(['created', 'changed', 'unchanged']),
    }),
  ),
});
const DiffAnswer = z.strictObject({
  changes: z.array(
    z.strictObject({
      kind: z.string(),
      name: z.string(),
      change: z.enum(['create', 'change', 'unchanged']),
      before: Resource.nullable(),
      after: Resource,
    }),
  ),
});
const DeletedAnswer = z.strictObject({ kind: z.string(), name: z.string(), deleted: z.literal(true) });

export function resourceRoutes(dependencies: ApiDependencies): Route[] {
  const { stores } = dependencies;
  return [
    route({
      method: 'put',
      path: '/v1/resources',
      summary: 'Apply resources: all of them or, when one does not fit, none',
      action: 'contribute',
      body: Documents,
      query: ApplyQuery,
      response: AppliedAnswer,
      async handle({ body, query, actor, ifMatch }) {
        const resources = await readAll(dependencies, body);
        const expected = expectedRevision(resources, { query: query.expectedRevision, ifMatch });
        return { body: { applied: await applyAll(dependencies, resources, { actor: actor.name, ...expected }) } };
      },
    }),
    route({
      method: 'post',
      path: '/v1/resources:diff',
      summary: 'What applying these resources would change',
      action: 'read',
      body: Documents,
      response: DiffAnswer,
      async handle({ body }) {
        const resources = await readAll(dependencies, body);
        return { body: { changes: await Promise.all(resources.map((resource) => compare(dependencies, resource))) } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/resources/:kind',
      summary: 'Resources of a kind',
      action: 'read',
      response: listOf(ResourceSummary),
      async handle(call) {
        return { body: { items: (await stores.resources.list(kindOf(param(call, 'kind')))).map(summary) } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/resources/:kind/:name',
      summary: 'One resource with its revision',
      action: 'read',
      response: StoredResourceAnswer,
      handle: async (call) => ({
        body: await requireDeclared(stores, kindOf(param(call, 'kind')), param(call, 'name')),
      }),
    }),
    route({
      method: 'get',
      path: '/v1/resources/:kind/:name/revisions',
      summary: 'Every applied state of a resource, newest first; kept when it is deleted',
      action: 'read',
      response: listOf(StoredResourceAnswer),
      handle: async (call) => ({
        body: { items: await stores.resources.revisions(kindOf(param(call, 'kind')), param(call, 'name')) },
      }),
    }),
    route({
      method: 'delete',
      path: '/v1/resources/:kind/:name',
      summary: 'Delete a resource that nothing refers to',
      action: 'administer',
      response: DeletedAnswer,
      async handle(call) {
        const { kind, name } = await requireDeclared(stores, kindOf(param(call, 'kind')), param(call, 'name'));
        await requireUnused(dependencies, { kind, name });
        await stores.resources.delete(kind, name, call.actor.name);
        if (kind === 'Dataset') await dropSchedule(dependencies, name);
        if (kind === 'Endpoint') await stopWatching(dependencies, name, call);
        return { body: { kind, name, deleted: true as const } };
      },
    }),
  ];
}

/** Everything is checked before anything is written: shapes first, then references against what is known already. */
async function readAll({ stores }: ApiDependencies, body: unknown): Promise<Resource[]> {
  const documents = Array.isArray(body) ? body : [body];
  const resources = documents.map((document, index) => parseResource(document, `document ${index + 1}`));
  const known = await stores.resources.list();
  checkReferences(
    resources,
    known.map(({ resource }) => resource),
  );
  await requireGrowing(stores, resources);
  await requireUnusedViews(stores, resources);
  return inApplyOrder(resources);
}

async function applyAll(
  dependencies: ApiDependencies,
  resources: readonly Resource[],
  options: { readonly actor: string; readonly expectedRevision?: number },
) {
  const { stores, workflows } = dependencies;
  const applied = [];
  for (const resource of resources) {
    const { kind, name, revision, change } = await stores.resources.apply({ resource, ...options });
    applied.push({ kind, name, revision, change });
  }
  // Last, and for unchanged ones too: should Temporal be away, the documents stand and a repeat starts the watches.
  for (const resource of resources) {
    if (resource.kind === 'Dataset') await applySchedule(dependencies, resource, options.actor);
    if (resource.kind !== 'Endpoint') continue;
    const { name } = resource.metadata;
    await stores.endpoints.ensure(name, resource.spec.clock);
    await workflows.watchEndpoint(name);
  }
  return applied;
}

async function compare({ stores }: ApiDependencies, after: Resource) {
  const { kind, metadata } = after;
  const before = (await stores.resources.get(kind, metadata.name))?.resource ?? null;
  const isSame = before !== null && canonicalJson(before) === canonicalJson(after);
  const change = before === null ? ('create' as const) : isSame ? ('unchanged' as const) : ('change' as const);
  return { kind, name: metadata.name, change, before, after };
}

/** A revision belongs to one resource, so that it can guard a single document only. */
function expectedRevision(
  resources: readonly Resource[],
  { query, ifMatch }: { query: number | undefined; ifMatch: string | null },
): { expectedRevision?: number } {
  const header = ifMatch === null ? undefined : Revision.safeParse(ifMatch);
  if (header?.success === false) {
    throw new DomainError('PRN_REQUEST_INVALID', { what: 'If-Match', problem: `expected a revision, got ${ifMatch}` });
  }
  const expected = header?.data ?? query;
  if (expected === undefined) return {};
  if (resources.length !== 1) {
    const problem = `an expected revision guards one document, got ${resources.length}`;
    throw new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem });
  }
  return { expectedRevision: expected };
}

/** A kind as people write it: any case, plural, with hyphens. */
function kindOf(text: string): ResourceKind {
  const plain = text.toLowerCase().replaceAll('-', '');
  const kind = RESOURCE_KINDS.find((known) => {
    const name = known.toLowerCase();
    return plain === name || plain === `${name}s` || plain === name.replace(/y$/, 'ies');
  });
  if (kind !== undefined) return kind;
  const problem = `there is no kind ${text}${didYouMean(text, RESOURCE_KINDS)}; kinds are ${RESOURCE_KINDS.join(', ')}`;
  throw new DomainError('PRN_REQUEST_INVALID', { what: 'kind', problem });
}

function summary({ kind, name, revision, resource, appliedBy, appliedTs }: StoredResource) {
  const { owner, description } = resource.metadata;
  return { kind, name, revision, owner, description, appliedBy, appliedTs };
}

/** What breaks without the resource uses it. Throws `PRN_RESOURCE_IN_USE` and names the first user. */
async function requireUnused(
  { stores }: ApiDependencies,
  { kind, name }: { kind: ResourceKind; name: string },
): Promise<void> {
  const all = (await stores.resources.list()).map(({ resource }) => resource);
  const rest = all.filter((resource) => resource.kind !== kind || resource.metadata.name !== name);
  for (const resource of rest) {
    try {
      checkReferences([resource], rest);
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'PRN_RESOURCE_REFERENCE') throw error;
      const users = `${resource.kind} ${resource.metadata.name}`;
      throw new DomainError('PRN_RESOURCE_IN_USE', { kind, name, users }, { cause: error });
    }
  }
}

/** A watch that has ended already needs no end. */
async function stopWatching(
  { workflows }: ApiDependencies,
  endpoint: string,
  call: { readonly actor: { readonly name: string }; mintId(kind: string): string },
): Promise<void> {
  try {
    await workflows.stopWatching(endpoint, { requestId: call.mintId('stop'), actor: call.actor.name });
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== 'PRN_WORKFLOW_NOT_FOUND') throw error;
  }
}
