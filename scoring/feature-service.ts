/** Which model version a feature service is: the one named, or the champion. */
import type { Bundle } from '../domain/bundle.js';
import { DomainError } from '../domain/errors.js';
import { didYouMean } from '../domain/names.js';
import type { FeatureServiceReference } from '../domain/online-features.js';
import type { RegistryStore } from '../store/contracts/registry.js';
import type { ResourceStore } from '../store/contracts/resources.js';

export interface FeatureService {
  readonly model: string;
  readonly version: number;
  readonly bundle: Bundle;
}

const UNTRAINED = ': it is declared, but no version of it was trained yet; until then ask for its features by name';

interface ServiceStores {
  readonly registry: Pick<RegistryStore, 'head' | 'heads' | 'champion' | 'version'>;
  readonly resources: Pick<ResourceStore, 'get'>;
}

/** Throws `PRN_RESOURCE_NOT_FOUND`, `PRN_MODEL_NO_CHAMPION` or `PRN_MODEL_VERSION_NOT_FOUND`. */
export async function requireFeatureService(
  { registry, resources }: ServiceStores,
  { model, version, alias = 'champion' }: FeatureServiceReference,
): Promise<FeatureService> {
  if ((await registry.head(model)) === null) {
    if ((await resources.get('Model', model)) !== null)
      throw new DomainError('PRN_MODEL_NO_CHAMPION', { model, when: UNTRAINED });
    const known = (await registry.heads()).map((each) => each.model);
    throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'Model', name: model, hint: didYouMean(model, known) });
  }
  if (version === undefined && alias !== 'champion')
    throw new DomainError('PRN_RESOURCE_NOT_FOUND', {
      kind: `alias of model ${model}`,
      name: alias,
      hint: didYouMean(alias, ['champion']),
    });
  const number = version ?? (await registry.champion(model))?.version;
  if (number === undefined) throw new DomainError('PRN_MODEL_NO_CHAMPION', { model, when: '' });
  const found = await registry.version(model, number);
  if (found === null) throw new DomainError('PRN_MODEL_VERSION_NOT_FOUND', { model, version: number });
  return { model, version: number, bundle: found.bundle };
}
