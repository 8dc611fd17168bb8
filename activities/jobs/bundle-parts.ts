/** The parts of a bundle that follow from the pinned snapshot and the feature plan alone. */
import type { Bundle, FrozenView, RequestField } from '../../domain/bundle.js';
import { canonicalJson } from '../../domain/canonical-json.js';
import { durationMicros } from '../../domain/duration.js';
import { DomainError } from '../../domain/errors.js';
import type { FeaturePlan } from '../../domain/features.js';
import type { Sha256Hex } from '../../domain/ids.js';
import type { PinnedView, TrainingSnapshot } from '../../domain/training.js';

/** Views as the version will read them: keys, features and age limit of the pinned revision, in order of the snapshot. */
export function frozenViewsOf(snapshot: TrainingSnapshot, plan: FeaturePlan): FrozenView[] {
  return snapshot.views.map((pinned) => ({
    view: pinned.view,
    revision: pinned.revision,
    keys: (pinned.entity?.keys ?? []).map(({ name, type }) => ({
      key: name,
      type,
      request: requestFieldOf(snapshot, pinned, name),
    })),
    features: plan.inputs.flatMap(({ source }) =>
      source.kind === 'view' && source.view === pinned.view ? [source.feature] : [],
    ),
    maxAgeMicros: pinned.spec.maxAge === undefined ? null : durationMicros(pinned.spec.maxAge),
  }));
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

/** The request field that carries an entity key: the spine's key of the same name, by which training joined as well. */
function requestFieldOf(snapshot: TrainingSnapshot, { view }: PinnedView, key: string): string {
  if (snapshot.spec.spine.keys.includes(key)) return key;
  throw new DomainError('PRN_RESOURCE_INVALID', {
    where: `model ${snapshot.model}, spec.spine.keys`,
    problem: `nothing carries key ${key} of feature view ${view}`,
    remedy: `Add ${key} to the keys of the spine.`,
  });
}

/** The digest that approvals and registration bind to: everything a version serves, by content. */
export function bundleDigestOf(bundle: Bundle, sha256Hex: Sha256Hex): string {
  return sha256Hex(canonicalJson(bundle));
}
