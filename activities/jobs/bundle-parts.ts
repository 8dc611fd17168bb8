/** The parts of a bundle that follow from the pinned snapshot and the feature plan alone. */
import type { Bundle, FrozenView, RequestField } from '../../domain/bundle.js';
import { canonicalJson } from '../../domain/canonical-json.js';
import { durationMicros } from '../../domain/duration.js';
import { DomainError } from '../../domain/errors.js';
import type { FeaturePlan } from '../../domain/features.js';
import type { Sha256Hex } from '../../domain/ids.js';
import { useName, type ViewUse, viewUses } from '../../domain/model.js';
import type { PinnedView, TrainingSnapshot } from '../../domain/training.js';

/** Views as the version will read them, once for each use: keys, features and age limit of the pinned revision. */
export function frozenViewsOf(snapshot: TrainingSnapshot, plan: FeaturePlan): FrozenView[] {
  return viewUses(snapshot.spec).map((use) => {
    const pinned = pinnedView(snapshot, use.view);
    const features = plan.inputs.flatMap(({ source }) =>
      source.kind === 'view' && useName(source) === use.use ? [source.feature] : [],
    );
    return {
      view: use.view,
      ...(use.use !== use.view && { as: use.use }),
      revision: pinned.revision,
      keys: (pinned.entity?.keys ?? []).map(({ name, type }) => ({
        key: name,
        type,
        request: requestFieldOf(snapshot, use, name),
      })),
      features,
      types: Object.fromEntries(features.map((feature) => [feature, pinned.types[feature] ?? 'float'])),
      maxAgeMicros: pinned.spec.maxAge === undefined ? null : durationMicros(pinned.spec.maxAge),
    };
  });
}

/** A view of the snapshot that the spec refers to. */
export function pinnedView({ views }: Pick<TrainingSnapshot, 'views'>, view: string): PinnedView {
  const pinned = views.find((each) => each.view === view);
  if (pinned !== undefined) return pinned;
  throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'pinned view', name: view, hint: '' });
}

/** What callers send: entity keys in the order of the spine, then request inputs in plan order, then the event time. */
export function requestFieldsOf(
  snapshot: TrainingSnapshot,
  plan: FeaturePlan,
  views: readonly FrozenView[],
): RequestField[] {
  const { keys, eventTime } = snapshot.spec.spine;
  const keyFields = keys.flatMap((name): RequestField[] => {
    const key = views.flatMap((view) => view.keys).find(({ request }) => request === name);
    return key === undefined ? [] : [{ name, datatype: key.type === 'string' ? 'BYTES' : 'INT64', nullable: false }];
  });
  const inputFields = plan.inputs.flatMap(({ datatype, nullable, source }): RequestField[] =>
    source.kind === 'request' ? [{ name: source.column, datatype, nullable }] : [],
  );
  const fields = [...keyFields, ...inputFields, { name: eventTime, datatype: 'INT64' as const, nullable: false }];
  return fields.filter(({ name }, index) => fields.findIndex((field) => field.name === name) === index);
}

/** The request field that carries an entity key: the key column of the spine by which training joined as well. */
export function requestFieldOf(snapshot: TrainingSnapshot, { use, keys }: ViewUse, key: string): string {
  const column = keys[key] ?? key;
  if (snapshot.spec.spine.keys.includes(column)) return column;
  throw new DomainError('PRN_RESOURCE_INVALID', {
    where: `model ${snapshot.model}, spec.spine.keys`,
    problem: `nothing carries key ${key} of feature view ${use}`,
    remedy: `Add ${column} to the keys of the spine, or say in \`keys\` which column carries it.`,
  });
}

/** The digest that approvals and registration bind to: everything a version serves, by content. */
export function bundleDigestOf(bundle: Bundle, sha256Hex: Sha256Hex): string {
  return sha256Hex(canonicalJson(bundle));
}
