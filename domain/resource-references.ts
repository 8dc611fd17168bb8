/** What resources refer to: that it exists, that columns and features fit, and that nothing refers in a circle. */
import { DomainError } from './errors.js';
import { checkEvaluation } from './evaluation-references.js';
import { expectationProblems } from './expectation-checks.js';
import { columnsOf, datasetsOf } from './expectations.js';
import type { FeatureViewSpec } from './feature-view.js';
import { viewUses } from './model.js';
import { unfitFor } from './monitors.js';
import { checkSearch } from './search-checks.js';
import { splitColumns } from './split.js';
import { isBuiltIn } from './trainer.js';
import { didYouMean } from './names.js';
import { type Resource, RESOURCE_KINDS, type ResourceKind, type ResourceOf } from './resources.js';

/** Finds a resource among those being applied and those that exist already. */
export type Lookup = <K extends ResourceKind>(kind: K, name: string) => ResourceOf<K> | undefined;

export function lookupIn(resources: readonly Resource[]): Lookup {
  const isKind = <K extends ResourceKind>(resource: Resource, kind: K): resource is ResourceOf<K> =>
    resource.kind === kind;
  return (kind, name) =>
    resources.find((resource) => isKind(resource, kind) && resource.metadata.name === name) as
      | ResourceOf<typeof kind>
      | undefined;
}

/** Checks every reference of the given resources against all known ones. Throws `PRN_RESOURCE_REFERENCE` or `…_CYCLE`. */
export function checkReferences(applied: readonly Resource[], existing: readonly Resource[]): void {
  const replaced = new Set(applied.map((resource) => `${resource.kind}/${resource.metadata.name}`));
  const all = [
    ...applied,
    ...existing.filter((resource) => !replaced.has(`${resource.kind}/${resource.metadata.name}`)),
  ];
  for (const resource of applied) {
    checkTaskKept(resource, existing);
    checkResource(resource, all);
  }
  const cycle = findCycle(new Map(all.map((resource) => [keyOf(resource), referencesOf(resource)])));
  if (cycle !== null) throw new DomainError('PRN_RESOURCE_CYCLE', { path: cycle.join(' → ') });
}

/** The order in which resources can be applied: each after everything it refers to. */
export function inApplyOrder(resources: readonly Resource[]): Resource[] {
  return [...resources].sort((left, right) => RESOURCE_KINDS.indexOf(left.kind) - RESOURCE_KINDS.indexOf(right.kind));
}

/** A path that returns to its start, or null. */
export function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>();
  const visit = (node: string, path: readonly string[]): string[] | null => {
    const start = path.indexOf(node);
    if (start >= 0) return [...path.slice(start), node];
    if (done.has(node)) return null;
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next, [...path, node]);
      if (cycle !== null) return cycle;
    }
    done.add(node);
    return null;
  };
  for (const node of graph.keys()) {
    const cycle = visit(node, []);
    if (cycle !== null) return cycle;
  }
  return null;
}

function keyOf({ kind, metadata }: Resource): string {
  return `${kind}/${metadata.name}`;
}

function referencesOf(resource: Resource): string[] {
  switch (resource.kind) {
    case 'FeatureView':
      return [
        `Dataset/${resource.spec.dataset}`,
        ...(resource.spec.entity === undefined ? [] : [`Entity/${resource.spec.entity}`]),
      ];
    case 'Model':
      return [
        `Dataset/${resource.spec.spine.dataset}`,
        `Endpoint/${resource.spec.endpoint}`,
        ...viewNames(resource).map((view) => `FeatureView/${view}`),
      ];
    case 'Monitor':
      return [`Endpoint/${resource.spec.endpoint}`];
    case 'Dataset':
      return Object.values(resource.spec.query?.from ?? {}).map((dataset) => `Dataset/${dataset}`);
    case 'Entity':
    case 'Endpoint':
      return [];
  }
}

function viewNames(model: ResourceOf<'Model'>): string[] {
  return model.spec.features.flatMap((feature) => ('view' in feature ? [feature.view] : []));
}

function checkResource(resource: Resource, all: readonly Resource[]): void {
  const where = `${resource.kind} ${resource.metadata.name}`;
  const requireNamed = <K extends ResourceKind>(kind: K, name: string, field: string): ResourceOf<K> => {
    const found = lookupIn(all)(kind, name);
    if (found !== undefined) return found;
    const known = all.filter((other) => other.kind === kind).map((other) => other.metadata.name);
    throw new DomainError('PRN_RESOURCE_REFERENCE', {
      where: `${where}, ${field}`,
      kind,
      name,
      hint: didYouMean(name, known),
    });
  };
  const requireIn = (known: readonly string[], name: string, at: { field: string; kind: string }): void => {
    if (known.includes(name)) return;
    throw new DomainError('PRN_RESOURCE_REFERENCE', {
      where: `${where}, ${at.field}`,
      kind: at.kind,
      name,
      hint: didYouMean(name, known),
    });
  };

  if (resource.kind === 'Dataset') {
    checkDataset(resource, requireIn);
    checkOtherDatasets(resource, { requireNamed, requireIn });
    for (const [alias, dataset] of Object.entries(resource.spec.query?.from ?? {}))
      requireNamed('Dataset', dataset, `spec.query.from.${alias}`);
  }
  if (resource.kind === 'Monitor') {
    requireNamed('Endpoint', resource.spec.endpoint, 'spec.endpoint');
    checkWatched(resource, all);
  }
  if (resource.kind === 'FeatureView') {
    const columns = columnNames(requireNamed('Dataset', resource.spec.dataset, 'spec.dataset'));
    const keys = entityKeyNames(resource.spec, { requireNamed, field: 'spec.entity' });
    for (const [key, column] of Object.entries(resource.spec.keys)) {
      requireIn(keys, key, { field: 'spec.keys', kind: 'entity key' });
      requireIn(columns, column, { field: `spec.keys.${key}`, kind: 'column' });
    }
    for (const key of keys)
      requireIn(Object.keys(resource.spec.keys), key, { field: 'spec.keys', kind: 'mapping for entity key' });
  }
  if (resource.kind === 'Model') checkModel(resource, { all, requireNamed, requireIn });
}

type RequireIn = (known: readonly string[], name: string, at: { field: string; kind: string }) => void;
type RequireNamed = <K extends ResourceKind>(kind: K, name: string, field: string) => ResourceOf<K>;

function entityKeyNames(
  { entity }: Pick<FeatureViewSpec, 'entity'>,
  { requireNamed, field }: { requireNamed: RequireNamed; field: string },
): string[] {
  return entity === undefined ? [] : requireNamed('Entity', entity, field).spec.keys.map(({ name }) => name);
}

function columnNames(dataset: ResourceOf<'Dataset'>): string[] {
  return dataset.spec.columns.map(({ name }) => name);
}

function checkDataset(dataset: ResourceOf<'Dataset'>, requireIn: RequireIn): void {
  const columns = columnNames(dataset);
  const { eventTime, keys, knowledge, expectations } = dataset.spec;
  requireIn(columns, eventTime, { field: 'spec.eventTime', kind: 'column' });
  for (const key of keys) requireIn(columns, key, { field: 'spec.keys', kind: 'column' });
  if (knowledge.from === 'column')
    requireIn(columns, knowledge.column, { field: 'spec.knowledge.column', kind: 'column' });
  for (const rule of expectations)
    for (const column of columnsOf(rule))
      requireIn(columns, column, { field: `spec.expectations ${rule.name}`, kind: 'column' });
  const [problem] = expectationProblems(dataset.spec);
  if (problem === undefined) return;
  throw new DomainError('PRN_RESOURCE_INVALID', { where: `Dataset ${dataset.metadata.name}`, problem, remedy: '' });
}

function typeOf({ columns }: ResourceOf<'Dataset'>['spec'], column: string | undefined): string | undefined {
  return columns.find(({ name }) => name === column)?.type;
}

/** Rules over other datasets: that those and their columns exist, and that values can be compared. */
function checkOtherDatasets(
  { metadata, spec }: ResourceOf<'Dataset'>,
  { requireNamed, requireIn }: { requireNamed: RequireNamed; requireIn: RequireIn },
): void {
  for (const rule of spec.expectations) {
    const field = `spec.expectations ${rule.name}`;
    const { references, aggregateMatch } = rule;
    for (const name of datasetsOf(rule)) {
      const other = requireNamed('Dataset', name, field);
      const named = references?.to ?? (aggregateMatch === undefined ? [] : [aggregateMatch.of]);
      for (const column of named) requireIn(columnNames(other), column, { field, kind: `column of ${name}` });
      for (const [at, column] of (references?.columns ?? []).entries()) {
        const [own, its] = [typeOf(spec, column), typeOf(other.spec, references?.to[at])];
        if (own === its) continue;
        const problem = `${rule.name}: ${column} is ${own}, and ${references?.to[at] ?? 'nothing'} of ${name} is ${its ?? 'not given'}`;
        throw new DomainError('PRN_RESOURCE_INVALID', { where: `Dataset ${metadata.name}`, problem, remedy: '' });
      }
    }
  }
}

/** A monitor and the model of its endpoint must fit, whichever of them is applied. */
function checkWatched({ metadata, spec }: ResourceOf<'Monitor'>, all: readonly Resource[]): void {
  const model = all.find((other) => other.kind === 'Model' && other.spec.endpoint === spec.endpoint);
  const problem = model?.kind === 'Model' ? unfitFor(model.spec.task, spec.metric) : null;
  if (problem !== null)
    throw new DomainError('PRN_RESOURCE_INVALID', {
      where: `Monitor ${metadata.name}, spec.metric`,
      problem,
      remedy: '',
    });
}

function checkModel(
  model: ResourceOf<'Model'>,
  { all, requireNamed, requireIn }: { all: readonly Resource[]; requireNamed: RequireNamed; requireIn: RequireIn },
): void {
  const { spine, endpoint, features } = model.spec;
  requireNamed('Endpoint', endpoint, 'spec.endpoint');
  const columns = columnNames(requireNamed('Dataset', spine.dataset, 'spec.spine.dataset'));
  for (const column of [spine.eventTime, ...spine.keys])
    requireIn(columns, column, { field: 'spec.spine', kind: 'column' });
  for (const column of splitColumns(model.spec.split))
    requireIn(columns, column, { field: 'spec.split', kind: 'column' });
  for (const [index, feature] of features.entries()) {
    const field = `spec.features[${index}]`;
    if ('request' in feature) requireIn(columns, feature.request, { field, kind: 'column' });
    if (!('view' in feature)) continue;
    const view = requireNamed('FeatureView', feature.view, field);
    if (feature.feature !== undefined)
      requireIn(
        view.spec.features.map(({ name }) => name),
        feature.feature,
        { field, kind: `feature of ${feature.view}` },
      );
    const keys = entityKeyNames(view.spec, { requireNamed, field });
    for (const key of Object.keys(feature.keys ?? {}))
      requireIn(keys, key, { field: `${field}.keys`, kind: 'entity key' });
    for (const key of keys)
      requireIn(spine.keys, feature.keys?.[key] ?? key, { field: `${field}: the spine's keys`, kind: 'entity key' });
  }
  viewUses(model.spec);
  checkGuardrails(model);
  checkSearch(model.metadata.name, model.spec);
  checkFolds(model);
  for (const other of all) if (other.kind === 'Monitor' && other.spec.endpoint === endpoint) checkWatched(other, all);
  const featuresOf = (view: string): string[] =>
    requireNamed('FeatureView', view, 'spec.features').spec.features.map(({ name }) => name);
  checkEvaluation({ model: model.metadata.name, spec: model.spec }, { columns, featuresOf }, requireIn);
  const rival = all.find(
    (other) =>
      other.kind === 'Model' && other.metadata.name !== model.metadata.name && other.spec.endpoint === endpoint,
  );
  if (rival !== undefined) {
    const problem = `endpoint ${endpoint} belongs to model ${rival.metadata.name} already`;
    throw new DomainError('PRN_RESOURCE_INVALID', {
      where: `Model ${model.metadata.name}`,
      problem,
      remedy: 'Give each model an endpoint of its own.',
    });
  }
}

/** Only the compute pool fits a model for each fold. */
function checkFolds({ metadata, spec }: ResourceOf<'Model'>): void {
  if (!('train' in spec.split) || spec.split.folds === 1 || isBuiltIn(spec.trainer)) return;
  throw new DomainError('PRN_RESOURCE_INVALID', {
    where: `Model ${metadata.name}, spec.split.folds`,
    problem: `a ${spec.trainer.kind} trainer fits one model, on one holdout`,
    remedy: 'Drop the folds, or take a built-in trainer.',
  });
}

/** Versions of one model are compared with each other and answer one endpoint, so that all have its task. */
function checkTaskKept(resource: Resource, existing: readonly Resource[]): void {
  if (resource.kind !== 'Model') return;
  const { name } = resource.metadata;
  const standing = existing.find((other) => other.kind === 'Model' && other.metadata.name === name);
  if (standing?.kind !== 'Model' || standing.spec.task === resource.spec.task) return;
  throw new DomainError('PRN_RESOURCE_INVALID', {
    where: `Model ${name}, spec.task`,
    problem: `the model is a ${standing.spec.task} one, and cannot become a ${resource.spec.task} one`,
    remedy: 'Declare the other task as a model of its own, with an endpoint of its own.',
  });
}

/** The loss by which a rollout is judged is that of the task. */
function checkGuardrails({ metadata, spec }: ResourceOf<'Model'>): void {
  const loss = spec.task === 'regression' ? 'squared_error' : 'log_loss';
  const unfit = spec.rollout.guardrails.find((guardrail) => 'against' in guardrail && guardrail.metric !== loss);
  if (unfit === undefined) return;
  throw new DomainError('PRN_RESOURCE_INVALID', {
    where: `Model ${metadata.name}, spec.rollout.guardrails`,
    problem: `${unfit.metric} has no meaning for a ${spec.task} model`,
    remedy: `Compare with the champion by ${loss}.`,
  });
}
