/** From a feature plan to the graph that computes its features: the one graph that training and serving both run. */
import { canonicalJson } from '../../domain/canonical-json.js';
import type { ColumnType } from '../../domain/dataset.js';
import { DomainError } from '../../domain/errors.js';
import type { CategoryEncoding, FeaturePlan, ModelInput } from '../../domain/features.js';
import type { TrainerSpec } from '../../domain/trainer.js';
import { tensorText } from '../onnx/session.js';
import { GraphBuilder } from '../onnx/graph-builder.js';
import type { OnnxGraph, OnnxValueInfo } from '../onnx/writer.js';
import { columnsOf } from './expression/ast.js';
import { checkExpression, type ColumnTypes } from './expression/check.js';
import { compileNumber } from './expression/onnx.js';
import { expressionError } from './expression/parse.js';
import { EVENT_TIME_COLUMN, LABEL_COLUMN } from './model-inputs.js';

/** More categories than this are folded: the most frequent stay, the rest count as unknown. */
const MAX_CATEGORIES = 255;

const COLUMN_TYPES: Readonly<Record<ModelInput['datatype'], ColumnType>> = {
  FP32: 'float',
  INT64: 'timestamp',
  BYTES: 'string',
};
const ELEMENT_TYPES = { FP32: 'FLOAT', INT64: 'INT64', BYTES: 'STRING' } as const;

export const FEATURES_OUTPUT = 'features';
export const PLAN_METADATA = 'perennial.feature_plan';

/** Column types of a plan's inputs, as expressions see them. */
export function inputTypes(inputs: readonly ModelInput[]): ColumnTypes {
  return Object.fromEntries(inputs.map(({ name, datatype }) => [name, COLUMN_TYPES[datatype]]));
}

/**
 * Checks the features of a plan, each by itself and against what the trainer can bear. Trees compare features with
 * thresholds, so `gbdt` takes exact ones only. External trainers and searches get features beside columns of other names.
 * Throws `PRN_EXPRESSION_INVALID` or `PRN_RESOURCE_INVALID`.
 */
export function checkFeatures(
  { inputs, features }: Pick<FeaturePlan, 'inputs' | 'features'>,
  trainer: Pick<TrainerSpec, 'kind' | 'search'>,
): void {
  const columns = inputTypes(inputs);
  if (trainer.kind === 'python' || trainer.kind === 'command' || trainer.search !== undefined) checkNames(features);
  for (const { name, expression } of features) {
    const { tree, type, exactness } = checkExpression(expression, columns);
    const refuse = (problem: string): DomainError =>
      expressionError(expression, tree.position, `feature ${name} ${problem}`);
    if (type === 'timestamp') throw refuse('is a time; take hour_of, minute_of or weekday_of of it');
    if (type === 'text' && tree.kind !== 'column') throw refuse('is a fixed text; name a column');
    if (exactness === 'bounded' && trainer.kind === 'gbdt')
      throw refuse(
        'comes from log, exp or pow, whose last bits differ between machines, and trees compare it with thresholds; ' +
          `wrap it, such as quantize(${expression}, 0.001)`,
      );
  }
}

function checkNames(features: FeaturePlan['features']): void {
  const taken = features.find(({ name }) => name === LABEL_COLUMN || name === EVENT_TIME_COLUMN);
  if (taken === undefined) return;
  throw new DomainError('PRN_RESOURCE_INVALID', {
    where: 'Model.spec.features',
    problem: `no feature of an external trainer or of a search can be called ${taken.name}, which the data has already`,
    remedy: 'Give the feature another name.',
  });
}

/** Ordinal codes of text inputs from training values only. */
export function fitEncodings(
  inputs: readonly ModelInput[],
  columns: Readonly<Record<string, readonly string[]>>,
): CategoryEncoding[] {
  return inputs
    .filter(({ datatype }) => datatype === 'BYTES')
    .map(({ name }) => ({ input: name, categories: frequentCategories(columns[name] ?? []) }));
}

function frequentCategories(values: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const value of values.map(tensorText)) if (value !== '') counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts]
    .sort(([left, leftCount], [right, rightCount]) => rightCount - leftCount || (left < right ? -1 : 1))
    .slice(0, MAX_CATEGORIES)
    .map(([category]) => category)
    .sort();
}

/** Positions of the features that are codes of an encoded text. */
export function categoricalFeatures({ inputs, features }: FeaturePlan): number[] {
  const columns = inputTypes(inputs);
  return features.flatMap(({ expression }, index) =>
    checkExpression(expression, columns).type === 'text' ? [index] : [],
  );
}

/** Adds the nodes of a plan; returns the name of the FP32 [N,F] matrix. */
export function buildPrefix(plan: FeaturePlan, builder: GraphBuilder): string {
  const columns = inputTypes(plan.inputs);
  const features = plan.features.map(({ expression }) => {
    const checked = checkExpression(expression, columns);
    if (checked.type === 'text' && checked.tree.kind === 'column')
      return encodeCategory(plan, checked.tree.name, builder);
    const tensor = compileNumber(checked.tree, { builder, text: expression, columns });
    return columnsOf(checked.tree).length === 0 ? spread(plan, tensor, builder) : tensor;
  });
  return builder.node('Concat', features, { attributes: { axis: { kind: 'int', value: 1 } }, output: FEATURES_OUTPUT });
}

/** A feature of constants has shape [1,1]; adding zero times an input would keep NaN, so it is expanded by shape. */
function spread(plan: FeaturePlan, tensor: string, builder: GraphBuilder): string {
  const [first] = plan.inputs;
  if (first === undefined) return tensor;
  return builder.node('Expand', [tensor, builder.node('Shape', [first.name])]);
}

/** Texts by their code, of a feature that is an encoded text; none of any other. */
export function categoriesOfFeature(plan: FeaturePlan, index: number): readonly string[] {
  const { tree } = checkExpression(plan.features[index]?.expression ?? '0', inputTypes(plan.inputs));
  return tree.kind === 'column' ? categoriesOf(plan, tree.name) : [];
}

export function categoriesOf({ encodings }: Pick<FeaturePlan, 'encodings'>, input: string): readonly string[] {
  return encodings.find((encoding) => encoding.input === input)?.categories ?? [];
}

function encodeCategory(plan: FeaturePlan, input: string, builder: GraphBuilder): string {
  const categories = categoriesOf(plan, input);
  return builder.node('LabelEncoder', [input], {
    domain: 'ai.onnx.ml',
    attributes: {
      keys_strings: { kind: 'strings', value: ['', ...categories] },
      values_floats: { kind: 'floats', value: [Number.NaN, ...categories.map((_category, code) => code)] },
      default_float: { kind: 'float', value: -1 },
    },
  });
}

export function inputValueInfos(plan: FeaturePlan): OnnxValueInfo[] {
  return plan.inputs.map(({ name, datatype }) => ({ name, type: ELEMENT_TYPES[datatype], shape: [-1, 1] }));
}

/** The feature matrix, FP32 [N,F], as every graph built on a plan has it inside. */
export function featuresValueInfo(plan: FeaturePlan): OnnxValueInfo {
  return { name: FEATURES_OUTPUT, type: 'FLOAT', shape: [-1, plan.features.length] };
}

/** The contract a graph carries: inputs with datatypes and nulls, features in order, encodings. */
export function planMetadata(plan: FeaturePlan): Record<string, string> {
  return { [PLAN_METADATA]: canonicalJson(plan) };
}

/** The prefix as a graph of its own: inputs [N,1] each, output `features` FP32 [N,F]. */
export function compilePrefix(plan: FeaturePlan): OnnxGraph {
  const builder = new GraphBuilder();
  buildPrefix(plan, builder);
  return {
    name: 'features',
    nodes: builder.nodes,
    initializers: builder.initializers,
    inputs: inputValueInfos(plan),
    outputs: [featuresValueInfo(plan)],
    metadata: planMetadata(plan),
  };
}
