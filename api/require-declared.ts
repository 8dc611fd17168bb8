/** Routes below a resource exist only where it was declared. */
import { DomainError } from '../domain/errors.js';
import { didYouMean } from '../domain/names.js';
import type { ResourceKind } from '../domain/resources.js';
import type { Stores } from '../store/contracts/index.js';
import type { StoredResource } from '../store/contracts/resources.js';

/** The applied resource. Throws `PRN_RESOURCE_NOT_FOUND` with the nearest name of that kind. */
export async function requireDeclared(
  { resources }: Pick<Stores, 'resources'>,
  kind: ResourceKind,
  name: string,
): Promise<StoredResource> {
  const found = await resources.get(kind, name);
  if (found !== null) return found;
  const known = (await resources.list(kind)).map((stored) => stored.name);
  throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind, name, hint: didYouMean(name, known) });
}
