/** What rules compare a source with: the segments of its dataset's head, and the heads of other datasets that rules name. */
import type { DatasetSpec } from '../domain/dataset.js';
import { datasetsOf } from '../domain/expectations.js';
import type { Stores } from '../store/contracts/index.js';
import type { EarlierSegments, OtherDataset } from './jobs/validate-source.js';
import { segmentReferences } from './segment-references.js';
import { requireResource } from './declared.js';

/** References only; a dataset without a version gives no evidence and is left out. */
export async function validationContext(
  stores: Stores,
  dataset: string,
  { expectations }: DatasetSpec,
): Promise<{ readonly earlier: EarlierSegments | undefined; readonly others: readonly OtherDataset[] }> {
  const others: OtherDataset[] = [];
  for (const name of new Set(expectations.flatMap(datasetsOf))) {
    const head = await stores.datasets.head(name);
    if (head === null) continue;
    const { resource } = await requireResource(stores, 'Dataset', name);
    others.push({
      dataset: name,
      spec: resource.spec,
      segments: await segmentReferences(stores, name, head.versionId),
    });
  }
  return { earlier: await earlierSegments(stores, dataset), others };
}

async function earlierSegments({ datasets }: Stores, dataset: string): Promise<EarlierSegments | undefined> {
  const head = await datasets.head(dataset);
  const segments = head === null ? [] : await datasets.segments(head);
  const last = segments.at(-1);
  return last === undefined ? undefined : { profiles: segments.map(({ profile }) => profile), report: last.report };
}
