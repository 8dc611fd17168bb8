/** Which of the answered rows are kept with everything needed to recompute their features, and what is kept of them. */
import type { FeatureValue } from '../domain/feature-view.js';
import { useName } from '../domain/model.js';
import type { ServedRead, ServedVector } from '../domain/served-vector.js';
import { MISSING_TIME } from '../domain/time.js';
import { keyValue, readName } from '../scoring/feature-lookup.js';
import type { Feeds } from '../scoring/feature-plan.js';
import { unitPosition } from '../scoring/hash-routing.js';
import type { LoadedVersion } from '../scoring/loaded-version.js';
import type { RoutedRows } from './routed-rows.js';

const SALT = 'served-vectors';

/** Vectors of the rows that one version was fed with; `rows` are their positions in the request, null for all. */
export function sampleVectors(
  routed: RoutedRows,
  loaded: LoadedVersion,
  { rows, feeds }: { rows: readonly number[] | null; feeds: Feeds },
): ServedVector[] {
  const { live, predictionIds, eventTs, readTs } = routed;
  const share = live.featureCheckShare;
  if (share === 0 || loaded.bundle.views.length === 0) return [];
  const vectors: ServedVector[] = [];
  const count = rows?.length ?? predictionIds.length;
  for (let position = 0; position < count; position += 1) {
    const row = rows === null ? position : (rows[position] ?? 0);
    const predictionId = predictionIds[row] ?? '';
    if (unitPosition(SALT, predictionId) >= share) continue;
    const reads = readsOf(routed, loaded, { row, position, feeds });
    if (reads.length === 0) continue;
    vectors.push({ predictionId, version: loaded.version, eventTs: eventTs[row] ?? 0, readTs, reads });
  }
  return vectors;
}

/** One read for each use of a view of which at least one feature was looked up. */
function readsOf(
  { request, views }: RoutedRows,
  { bundle }: LoadedVersion,
  at: { row: number; position: number; feeds: Feeds },
): ServedRead[] {
  return bundle.views.flatMap((view) => {
    const lookedUp = bundle.plan.inputs.filter(
      ({ name, source }) => source.kind === 'view' && useName(source) === useName(view) && !request.columns.has(name),
    );
    if (lookedUp.length === 0) return [];
    const keys = view.keys.map(({ type, request: field }) =>
      keyValue(type, request.columns.get(field)?.values[at.row] ?? ''),
    );
    const found = views.get(readName(view))?.[at.row] ?? null;
    return {
      use: useName(view),
      keys: keys.filter((key) => key !== null),
      row: found === null ? null : { eventTs: found.eventTs, knownTs: found.knownTs, seq: found.seq },
      values: Object.fromEntries(lookedUp.map(({ name }) => [name, fedValue(at.feeds[name]?.[at.position])])),
    };
  });
}

/** What the graph was fed, with null for what stands for missing. */
function fedValue(value: number | bigint | string | undefined): FeatureValue {
  if (typeof value === 'bigint') return value === BigInt(MISSING_TIME) ? null : Number(value);
  return value === undefined || value === '' || Number.isNaN(value) ? null : value;
}
