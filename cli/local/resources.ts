/** The resources of a folder, checked as `apply` checks them: shapes, references, circles. */
import { resolve } from 'node:path';
import { EndpointSpec } from '../../domain/endpoint.js';
import { DomainError, isDomainError } from '../../domain/errors.js';
import { didYouMean } from '../../domain/names.js';
import { checkReferences, lookupIn } from '../../domain/resource-references.js';
import {
  API_VERSION,
  type Resource,
  RESOURCE_KINDS,
  type ResourceKind,
  type ResourceOf,
} from '../../domain/resources.js';
import { type ReadDocument, readResources } from '../documents.js';

export interface LocalResources {
  /** Throws `PRN_RESOURCE_NOT_FOUND` with the nearest name. */
  require<K extends ResourceKind>(kind: K, name: string): ResourceOf<K>;
  all<K extends ResourceKind>(kind: K): ResourceOf<K>[];
}

export interface LoadOptions {
  /** Files that are not resources, whatever their ending. */
  readonly data?: readonly string[];
  /** Kinds that may be referred to although the folder does not have them. */
  readonly openTo?: readonly ResourceKind[];
  /** True where models may name endpoints that the folder does not declare: nothing is served. */
  readonly assumeEndpoints?: boolean;
}

/** Reads every `.yaml`, `.yml` and `.json` file of a folder, or one file. Throws `PRN_RESOURCE_*` with file and line. */
export function loadResources(
  folder: string,
  { data = [], openTo = [], assumeEndpoints = false }: LoadOptions = {},
): LocalResources {
  const skipped = new Set(data.map((path) => resolve(path)));
  const documents = readResources(folder, (file) => skipped.has(resolve(file)));
  requireDistinct(documents);
  const resources = documents.map(({ resource }) => resource);
  const known = assumeEndpoints ? [...resources, ...resources.flatMap(endpointOf)] : resources;
  for (const { resource, where } of documents) checkOne(resource, { where, resources: known, openTo });
  return resourcesIn(folder, resources);
}

/** The same resources with one in the place of that of its name, which is refused as if the documents declared it. */
export function withResource(resources: LocalResources, changed: Resource, folder: string): LocalResources {
  const others = RESOURCE_KINDS.flatMap((kind): Resource[] => resources.all(kind)).filter(
    ({ kind, metadata }) => kind !== changed.kind || metadata.name !== changed.metadata.name,
  );
  checkReferences([changed], [...others, changed, ...endpointOf(changed)]);
  return resourcesIn(folder, [...others, changed]);
}

function endpointOf(resource: Resource): Resource[] {
  if (resource.kind !== 'Model') return [];
  const { endpoint: name } = resource.spec;
  return [{ apiVersion: API_VERSION, kind: 'Endpoint', metadata: { name }, spec: EndpointSpec.parse({}) }];
}

function resourcesIn(folder: string, resources: readonly Resource[]): LocalResources {
  const all = <K extends ResourceKind>(kind: K): ResourceOf<K>[] =>
    resources.filter((resource): resource is ResourceOf<K> => resource.kind === kind);
  return {
    all,
    require(kind, name) {
      const found = lookupIn(resources)(kind, name);
      if (found !== undefined) return found;
      const known = all(kind).map(({ metadata }) => metadata.name);
      const there = known.length === 0 ? `; ${folder} holds none` : `; ${folder} holds ${known.join(', ')}`;
      throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind, name, hint: `${didYouMean(name, known)}${there}` });
    },
  };
}

function requireDistinct(documents: readonly ReadDocument[]): void {
  const seen = new Map<string, string>();
  for (const { resource, where } of documents) {
    const name = `${resource.kind} ${resource.metadata.name}`;
    const earlier = seen.get(name);
    if (earlier !== undefined)
      throw new DomainError('PRN_RESOURCE_INVALID', {
        where,
        problem: `${name} is declared in ${earlier} already`,
        remedy: 'Keep one of them.',
      });
    seen.set(name, where);
  }
}

/** The same refusals as over the API, with the place in the file. */
function checkOne(
  resource: Resource,
  { where, resources, openTo }: { where: string; resources: readonly Resource[]; openTo: readonly string[] },
): void {
  try {
    checkReferences([resource], resources);
  } catch (error) {
    if (
      isDomainError(error) &&
      error.code === 'PRN_RESOURCE_REFERENCE' &&
      openTo.includes(String(error.details['kind']))
    )
      return;
    const inside = isDomainError(error) ? error.details['where'] : undefined;
    if (!isDomainError(error) || typeof inside !== 'string') throw error;
    throw new DomainError(error.code, { ...error.details, where: `${where}, ${inside}` });
  }
}
