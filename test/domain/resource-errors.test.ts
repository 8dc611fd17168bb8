import { describe, expect, it } from 'vitest';
import { parseResource } from '../../domain/resource-errors.js';
import { checkReferences, findCycle, inApplyOrder } from '../../domain/resource-references.js';
import { smallResources } from '../support/small-flights.js';

const dataset = (spec: object = {}): unknown => ({
  apiVersion: 'perennial/v1',
  kind: 'Dataset',
  metadata: { name: 'flights' },
  spec: { columns: [{ name: 'departed_ts', type: 'timestamp' }], eventTime: 'departed_ts', ...spec },
});
const messageOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return 'accepted';
};

describe('parseResource', () => {
  it.each([
    [
      'an unknown field',
      dataset({ exspectations: [] }),
      'data.yaml:3, Dataset flights: spec has the unknown field exspectations; did you mean expectations?. Unknown fields are refused so that a typing slip cannot change what runs.',
    ],
    [
      'a wrong type',
      dataset({ columns: 'departed_ts' }),
      'data.yaml:3, Dataset flights: spec.columns: invalid input: expected array, received string, got "departed_ts". ',
    ],
    [
      'an unknown column type',
      dataset({ columns: [{ name: 'a', type: 'number' }] }),
      'data.yaml:3, Dataset flights: spec.columns[0].type: invalid option: expected one of "float"|"integer"|"string"|"boolean"|"timestamp", got "number". ',
    ],
    [
      'another version of the format',
      { apiVersion: 'v2', kind: 'Dataset' },
      'data.yaml:3: apiVersion is "v2", expected perennial/v1. ',
    ],
    [
      'an unknown kind',
      { apiVersion: 'perennial/v1', kind: 'Datset' },
      'data.yaml:3: there is no kind "Datset" (did you mean "Dataset"?). Kinds are Dataset, Entity, FeatureView, Endpoint, Model, Monitor.',
    ],
    [
      'something else altogether',
      'flights',
      'data.yaml:3: expected a document with apiVersion, kind, metadata and spec. Look at examples/flights/resources.',
    ],
  ])('explains %s', (...[, document, message]) => {
    expect(messageOf(() => parseResource(document, 'data.yaml:3'))).toBe(message);
  });

  it('points at the mistyped field and not at the one it leaves missing', () => {
    const typo = { apiVersion: 'perennial/v1', kind: 'Dataset', metadata: { name: 'flights' }, spec: { colums: [] } };
    expect(messageOf(() => parseResource(typo, 'data.yaml:1'))).toContain(
      'spec has the unknown field colums; did you mean columns?',
    );
  });

  it('fills in what may be left out', () => {
    expect(parseResource(dataset(), 'here').spec).toMatchObject({
      knowledge: { from: 'commit' },
      maxQuarantined: 0.1,
    });
  });
});

describe('checkReferences', () => {
  const all = smallResources().map((document) => parseResource(document, 'test'));
  const changed = (kind: string, spec: object) =>
    smallResources().map((document) =>
      parseResource(document.kind === kind ? { ...document, spec: { ...document.spec, ...spec } } : document, 'test'),
    );

  it('accepts the flights example, in any order of its documents', () => {
    expect(messageOf(() => checkReferences(all.toReversed(), []))).toBe('accepted');
    expect(inApplyOrder(all.toReversed()).map(({ kind }) => kind)).toEqual([
      'Dataset',
      'Entity',
      'Entity',
      'FeatureView',
      'FeatureView',
      'Endpoint',
      'Model',
      'Monitor',
      'Monitor',
      'Monitor',
    ]);
  });

  it.each([
    [
      'a dataset that does not exist',
      changed('FeatureView', { dataset: 'fligths' }),
      'FeatureView origin-traffic, spec.dataset: refers to Dataset fligths, which does not exist (did you mean "flights"?).',
    ],
    [
      'a column that does not exist',
      changed('Model', { features: [{ request: 'distanze' }] }),
      'Model flight-delay, spec.features[0]: refers to column distanze, which does not exist (did you mean "distance"?).',
    ],
    [
      'a feature that does not exist',
      changed('Model', { features: [{ view: 'origin-traffic', feature: 'late_rate_2d' }] }),
      'Model flight-delay, spec.features[0]: refers to feature of origin-traffic late_rate_2d, which does not exist (did you mean "late_rate_1d"?).',
    ],
    [
      'an endpoint that does not exist',
      changed('Monitor', { endpoint: 'flight' }),
      'Monitor flight-delay-calibration, spec.endpoint: refers to Endpoint flight, which does not exist.',
    ],
    [
      'a split by a column that does not exist',
      changed('Model', { split: { group: 'orgin', holdout: 0.2 } }),
      'Model flight-delay, spec.split: refers to column orgin, which does not exist (did you mean "origin"?).',
    ],
    [
      'a rolling origin of a trainer that fits one model',
      changed('Model', {
        split: { holdout: '7d', folds: 3 },
        trainer: { kind: 'python', name: 'sklearn' },
      }),
      'Model flight-delay, spec.split.folds: a python trainer fits one model, on one holdout. Drop the folds, or take a built-in trainer.',
    ],
    [
      'a monitor of what the task has not',
      changed('Monitor', { metric: 'rmse' }),
      'Monitor flight-delay-calibration, spec.metric: rmse has no meaning for a binary model; there are accuracy, precision, recall, roc_auc, log_loss, calibration_gap, psi_prediction, psi_feature, traffic, latency_p99_ms, error_rate. ',
    ],
    [
      'a model whose task its endpoint is not watched for',
      changed('Model', { task: 'regression', rollout: {} }).map((resource) =>
        resource.kind === 'Monitor'
          ? { ...resource, spec: { ...resource.spec, metric: 'roc_auc' as const } }
          : resource,
      ),
      'Monitor flight-delay-calibration, spec.metric: roc_auc has no meaning for a regression model; there are rmse, mae, calibration_gap, psi_prediction, psi_feature, traffic, latency_p99_ms, error_rate. ',
    ],
    [
      'a guardrail by the loss of another task',
      changed('Model', {
        task: 'multiclass',
        rollout: { guardrails: [{ metric: 'squared_error', against: 'champion', paired: true, maxHarm: 1 }] },
      }),
      'Model flight-delay, spec.rollout.guardrails: squared_error has no meaning for a multiclass model. Compare with the champion by log_loss.',
    ],
    [
      'a gate on a metric of another task',
      changed('Model', { gates: [{ metric: 'rmse', max: 3 }] }),
      'Model flight-delay, spec.gates[0]: refers to binary metric rmse, which does not exist.',
    ],
    [
      'a slice by a column that does not exist',
      changed('Model', { gates: [{ slice: 'orign', metric: 'calibration_gap', max: 0.1 }] }),
      'Model flight-delay, spec.gates[0]: refers to column orign, which does not exist (did you mean "origin"?).',
    ],
    [
      'a baseline by what is no feature',
      changed('Model', { evaluation: { baselines: [{ baseline: 'rateBy', column: 'origin' }] } }),
      'Model flight-delay, spec.evaluation.baselines: refers to feature origin, which does not exist.',
    ],
    [
      'intervals by groups without a split by group',
      changed('Model', { evaluation: { blocks: 'group' } }),
      'Model flight-delay, spec.evaluation.blocks: there are no groups to draw, since the split is by time. Split by group or by the hash of a key, or draw days or rows.',
    ],
  ])('refuses %s', (...[, resources, message]) => {
    expect(messageOf(() => checkReferences(resources, []))).toBe(message);
  });

  it('keeps the task of a model that exists', () => {
    const other = changed('Model', { task: 'multiclass', gates: [] }).filter(({ kind }) => kind !== 'Monitor');
    expect(messageOf(() => checkReferences(other, []))).toBe('accepted');
    expect(messageOf(() => checkReferences(other, all))).toBe(
      'Model flight-delay, spec.task: the model is a binary one, and cannot become a multiclass one. Declare the other task as a model of its own, with an endpoint of its own.',
    );
  });

  it('finds a circle and names its path', () => {
    expect(
      findCycle(
        new Map([
          ['a', ['b']],
          ['b', ['c']],
          ['c', ['a']],
          ['d', ['a']],
        ]),
      ),
    ).toEqual(['a', 'b', 'c', 'a']);
    expect(
      findCycle(
        new Map([
          ['a', ['b', 'c']],
          ['b', ['c']],
          ['c', []],
        ]),
      ),
    ).toBeNull();
  });
});
