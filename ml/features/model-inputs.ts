/** From a model's declared features to the inputs its graph will have, and the features it computes from them. */
import type { ColumnType, DatasetSpec } from '../../domain/dataset.js';
import { DomainError } from '../../domain/errors.js';
import type { ModelFeature, ModelInput } from '../../domain/features.js';
import type { ModelSpec } from '../../domain/model.js';
import { didYouMean } from '../../domain/names.js';
import type { PinnedView } from '../../domain/training.js';
import { columnsOf } from './expression/ast.js';
import { parseExpression } from './expression/parse.js';

/** Stable name of a view's feature as a model input, whatever other views there are. */
export function viewInputName(view: string, feature: string): string {
  return `${view.replaceAll('-', '_')}__${feature}`;
}

const DATATYPES: Readonly<Record<ColumnType, ModelInput['datatype']>> = {
  float: 'FP32',
  integer: 'FP32',
  boolean: 'FP32',
  string: 'BYTES',
  timestamp: 'INT64',
};

/** Inputs in order of first use, features in order of the spec. `dataset` is the spine. */
export function modelInputs(
  spec: ModelSpec,
  dataset: DatasetSpec,
  views: readonly PinnedView[],
): { inputs: ModelInput[]; features: ModelFeature[] } {
  const inputs = new Map<string, ModelInput>();
  const features: ModelFeature[] = [];
  const useRequest = (column: string): void => {
    if (!inputs.has(column)) inputs.set(column, requestInput(column, dataset));
  };
  for (const reference of spec.features) {
    if ('view' in reference) {
      for (const input of viewInputs(reference, views)) {
        inputs.set(input.name, input);
        features.push({ name: input.name, expression: input.name });
      }
    } else if ('request' in reference) {
      useRequest(reference.request);
      features.push({ name: reference.request, expression: reference.request });
    } else {
      for (const column of columnsOf(parseExpression(reference.expression)))
        if (!inputs.has(column)) useRequest(column);
      features.push(reference);
    }
  }
  return { inputs: [...inputs.values()], features };
}

function requestInput(column: string, dataset: DatasetSpec): ModelInput {
  const declared = dataset.columns.find(({ name }) => name === column);
  if (declared === undefined) {
    const hint = didYouMean(
      column,
      dataset.columns.map(({ name }) => name),
    );
    throw new DomainError('PRN_RESOURCE_REFERENCE', {
      where: 'Model.spec.features',
      kind: 'column',
      name: column,
      hint,
    });
  }
  const datatype = DATATYPES[declared.type];
  return {
    name: column,
    datatype,
    nullable: declared.nullable && datatype === 'FP32',
    source: { kind: 'request', column },
  };
}

function viewInputs(
  reference: { view: string; feature?: string | undefined },
  views: readonly PinnedView[],
): ModelInput[] {
  const pinned = views.find(({ view }) => view === reference.view);
  const known = pinned?.spec.features.map(({ name }) => name) ?? [];
  const wanted = reference.feature === undefined ? known : [reference.feature];
  return wanted.map((feature) => {
    if (!known.includes(feature)) {
      const name = `${reference.view}.${feature}`;
      throw new DomainError('PRN_RESOURCE_REFERENCE', {
        where: 'Model.spec.features',
        kind: 'feature',
        name,
        hint: didYouMean(feature, known),
      });
    }
    return {
      name: viewInputName(reference.view, feature),
      datatype: 'FP32',
      nullable: true,
      source: { kind: 'view', view: reference.view, feature },
    };
  });
}
