/** From a model's declared features to the inputs its graph will have, and the features it computes from them. */
import type { ColumnType, DatasetSpec } from '../../domain/dataset.js';
import { DomainError } from '../../domain/errors.js';
import { fullFeatureName } from '../../domain/feature-names.js';
import { INPUT_DATATYPES, type ModelFeature, type ModelInput } from '../../domain/features.js';
import { type FeatureReference, type ModelSpec, useName, type ViewReference } from '../../domain/model.js';
import { didYouMean } from '../../domain/names.js';
import type { PinnedView } from '../../domain/training.js';
import { columnsOf } from './expression/ast.js';
import { parseExpression } from './expression/parse.js';

const WHERE = 'Model.spec.features';

/** Columns that every training dataset has beside the inputs. */
export const EVENT_TIME_COLUMN = 'event_ts';
export const LABEL_COLUMN = 'label';
/** Columns that some have, under names that no input can have. */
export const WEIGHT_COLUMN = ':weight';
export const GROUP_COLUMN = ':group';
/** Draw of a row's group or key, DOUBLE in [0, 1), by which a search puts rows aside. */
export const INNER_COLUMN = ':inner';

/** Stable name of a view's feature as a model input, whatever other views there are; of an alias in place of its view. */
export function viewInputName(use: string, feature: string): string {
  return fullFeatureName({ use, feature });
}

const DATATYPES: Readonly<Record<ColumnType, ModelInput['datatype']>> = {
  float: 'FP32',
  integer: 'FP32',
  boolean: 'FP32',
  string: 'BYTES',
  timestamp: 'INT64',
};

/**
 * Inputs in order of first use, features in order of the spec. `dataset` is the spine. An expression may use columns of
 * the spine and features of every view that the spec refers to, wherever it does. Throws `PRN_RESOURCE_REFERENCE`,
 * `PRN_RESOURCE_INVALID` or `PRN_EXPRESSION_INVALID`.
 */
export function modelInputs(
  spec: ModelSpec,
  dataset: DatasetSpec,
  views: readonly PinnedView[],
): { inputs: ModelInput[]; features: ModelFeature[] } {
  const inputs = new Map<string, ModelInput>();
  const features: ModelFeature[] = [];
  const ofViews = new Map(
    spec.features.flatMap((reference) =>
      'view' in reference ? viewInputs(reference, views).map((input) => [input.name, input] as const) : [],
    ),
  );
  const use = (name: string): void => {
    if (!inputs.has(name)) inputs.set(name, ofViews.get(name) ?? requestInput(name, { spec, dataset, ofViews }));
  };
  for (const reference of spec.features) {
    const added = featuresOf(reference, views);
    for (const { expression } of added) for (const column of columnsOf(parseExpression(expression))) use(column);
    features.push(...added);
  }
  requireDistinct(features);
  return { inputs: [...inputs.values()], features };
}

function featuresOf(reference: FeatureReference, views: readonly PinnedView[]): ModelFeature[] {
  if ('view' in reference) return viewInputs(reference, views).map(({ name }) => ({ name, expression: name }));
  if ('request' in reference) return [{ name: reference.request, expression: reference.request }];
  return [reference];
}

interface KnownColumns {
  readonly spec: ModelSpec;
  readonly dataset: DatasetSpec;
  readonly ofViews: ReadonlyMap<string, ModelInput>;
}

function requestInput(column: string, { spec, dataset, ofViews }: KnownColumns): ModelInput {
  const declared = dataset.columns.find(({ name }) => name === column);
  if (declared === undefined) {
    const hint = didYouMean(column, [...dataset.columns.map(({ name }) => name), ...ofViews.keys()]);
    throw new DomainError('PRN_RESOURCE_REFERENCE', { where: WHERE, kind: 'column', name: column, hint });
  }
  if (column === LABEL_COLUMN || (column === EVENT_TIME_COLUMN && spec.spine.eventTime !== column))
    throw new DomainError('PRN_RESOURCE_INVALID', {
      where: WHERE,
      problem: `no input can be called ${column}, which every training dataset has already`,
      remedy: 'Declare the column under another name, with `from`.',
    });
  const datatype = DATATYPES[declared.type];
  return {
    name: column,
    datatype,
    nullable: declared.nullable && datatype === 'FP32',
    source: { kind: 'request', column },
  };
}

function viewInputs(reference: ViewReference, views: readonly PinnedView[]): ModelInput[] {
  const pinned = views.find(({ view }) => view === reference.view);
  const known = pinned?.spec.features.map(({ name }) => name) ?? [];
  const wanted = reference.feature === undefined ? known : [reference.feature];
  return wanted.map((feature) => {
    if (!known.includes(feature)) {
      const name = `${reference.view}.${feature}`;
      throw new DomainError('PRN_RESOURCE_REFERENCE', {
        where: WHERE,
        kind: 'feature',
        name,
        hint: didYouMean(feature, known),
      });
    }
    return {
      name: viewInputName(useName(reference), feature),
      datatype: INPUT_DATATYPES[pinned?.types[feature] ?? 'float'],
      nullable: true,
      source: { kind: 'view', view: reference.view, ...(reference.as !== undefined && { as: reference.as }), feature },
    };
  });
}

function requireDistinct(features: readonly ModelFeature[]): void {
  const names = features.map(({ name }) => name);
  const repeated = names.find((name, index) => names.indexOf(name) < index);
  if (repeated === undefined) return;
  throw new DomainError('PRN_RESOURCE_INVALID', {
    where: WHERE,
    problem: `feature ${repeated} is declared twice`,
    remedy: 'Drop one of them or name it otherwise.',
  });
}
