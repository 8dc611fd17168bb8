/** What a new version of a dataset sets going: queries that read it, and feature views that follow it. */
import { naturalKeyId, type Sha256Hex } from '../domain/ids.js';
import type { Stores } from '../store/contracts/index.js';
import type { WorkflowPort } from './ports.js';

export interface DependentsDependencies {
  readonly stores: Stores;
  readonly workflows: Pick<WorkflowPort, 'ingestDataset' | 'materializeFeatures'>;
  readonly sha256Hex: Sha256Hex;
}

/** Started under ids that follow from what is read: what runs or ran over the same versions is left alone. */
export async function startDependents(
  dependencies: DependentsDependencies,
  dataset: string,
): Promise<{ started: string[] }> {
  return { started: [...(await startQueries(dependencies, dataset)), ...(await startViews(dependencies, dataset))] };
}

async function startQueries(
  { stores, workflows, sha256Hex }: DependentsDependencies,
  dataset: string,
): Promise<string[]> {
  const started: string[] = [];
  for (const { name, revision, resource } of await stores.resources.list('Dataset')) {
    const from = resource.kind === 'Dataset' ? Object.values(resource.spec.query?.from ?? {}) : [];
    if (!from.includes(dataset)) continue;
    const heads = await Promise.all([...new Set(from)].sort().map((input) => stores.datasets.head(input)));
    // The one that comes last starts it.
    if (heads.includes(null)) continue;
    const versions = heads.map((head) => head?.versionId);
    const ingestionId = naturalKeyId(sha256Hex, ['query', name, revision, ...versions]);
    const requestedBy = `dataset/${dataset}`;
    await workflows.ingestDataset({ ingestionId, dataset: name, sourceUri: `query:${name}`, requestedBy });
    started.push(name);
  }
  return started;
}

async function startViews(
  { stores, workflows, sha256Hex }: DependentsDependencies,
  dataset: string,
): Promise<string[]> {
  const head = await stores.datasets.head(dataset);
  if (head === null) return [];
  const started: string[] = [];
  for (const { name, revision, resource } of await stores.resources.list('FeatureView')) {
    const follows = resource.kind === 'FeatureView' && resource.spec.dataset === dataset;
    if (!follows || resource.spec.materialize?.on !== 'commit') continue;
    const materializationId = naturalKeyId(sha256Hex, ['commit', name, revision, head.versionId]);
    await workflows.materializeFeatures({ materializationId, view: name, requestedBy: `dataset/${dataset}` });
    started.push(name);
  }
  return started;
}
