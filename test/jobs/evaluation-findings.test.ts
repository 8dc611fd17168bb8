/** What an evaluation finds beside its metrics: slices, alarms, robustness, plots, and the card made of it all. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getJson, putJson } from '../../store/contracts/json-artifacts.js';
import { keepEvidence } from '../../activities/evidence-artifact.js';
import { evaluateModel, type EvaluateModelResult } from '../../activities/jobs/evaluate-model.js';
import { trainModel } from '../../activities/jobs/train-model.js';
import { EvaluationDetails } from '../../domain/evaluation-details.js';
import type { FeaturePlan } from '../../domain/features.js';
import { modelCard } from '../../domain/model-card.js';
import type { CardFigure } from '../../domain/model-card-table.js';
import { renderCard } from '../../domain/model-card-markdown.js';
import { toIso, micros } from '../../domain/time.js';
import { TrainingDataset, TrainingSnapshot } from '../../domain/training.js';
import {
  type JobBench,
  openJobBench,
  PLAN,
  rewritePart,
  snapshotOf,
  type StoredTraining,
  storeTraining,
} from './training-fixture.js';

const GATES = [
  { metric: 'roc_auc', min: 0.6, confidence: 0.95 },
  { slice: 'carrier', metric: 'calibration_gap', max: 0.2, minRows: 300 },
  { metric: 'log_loss', against: { baseline: 'seasonal' }, minImprovement: 0, confidence: 0.95 },
  { metric: 'roc_auc', against: { baseline: 'majority' }, minImprovement: 0.05 },
  { metric: 'log_loss', against: { baseline: 'rateBy', column: 'carrier' }, minImprovement: 0 },
];

/** The label and a little noise. */
const WITH_LEAK = '*, label::real + (event_ts % 7)::real / 100 as leak';

describe('an evaluation', () => {
  let bench: JobBench;
  let stored: StoredTraining;
  let result: EvaluateModelResult;

  const evaluate = async (training: StoredTraining, plan: FeaturePlan = PLAN): Promise<EvaluateModelResult> => {
    const { trained } = await trainModel({ ...training, plan }, bench.context);
    return evaluateModel({ ...training, trained, champion: null }, bench.context);
  };
  const withEvaluation = (changes: object): TrainingSnapshot => {
    const snapshot = snapshotOf({ gates: GATES });
    return TrainingSnapshot.parse({ ...snapshot, spec: { ...snapshot.spec, evaluation: changes } });
  };

  beforeAll(async () => {
    bench = await openJobBench();
    const snapshot = withEvaluation({ slices: ['hour'], costs: { falsePositive: 1, falseNegative: 4 } });
    stored = await storeTraining(bench, snapshot);
    result = await evaluate(stored);
  });
  afterAll(() => bench.close());

  it('judges bounds, slices and every baseline on the same rows', () => {
    const { gates, baselineMetrics } = result.evidence;
    expect(gates.map(({ verdict }) => verdict)).toEqual(['passed', 'passed', 'passed', 'passed', 'passed', 'passed']);
    expect(gates.map(({ rows }) => rows).filter((rows) => rows !== 1_400)).toHaveLength(1);
    expect(['A', 'B', 'C']).toContain(gates[1]?.slice);
    expect(Object.keys(baselineMetrics)).toEqual(['seasonal', 'majority', 'rateBy(carrier)']);
    expect(baselineMetrics['majority']?.roc_auc?.value).toBe(0.5);
    // The last one says that nothing leaks.
    expect(gates.at(-1)).toMatchObject({ gate: { check: 'leakage' }, observed: 0 });
  });

  it('gives every metric with its interval, resampled by days', () => {
    const { metrics, blocks, rows } = result.evidence;
    expect([rows, blocks]).toEqual([1_400, { kind: 'day', count: 14 }]);
    expect(Object.keys(metrics)).toHaveLength(15);
    for (const [name, { value, lower, upper, state, method }] of Object.entries(metrics)) {
      expect(state, name).toBe('ok');
      expect(['bca', 'percentile'], name).toContain(method);
      expect(lower ?? 1, name).toBeLessThan(upper ?? 0);
      expect(value, name).not.toBeNull();
    }
  });

  it('shows the slices that were declared, and searches among all features for the worst', () => {
    const { slices, sliceSearch } = result.evidence;
    const carriers = slices.filter(({ where }) => where[0]?.column === 'carrier');
    expect(carriers.map(({ where }) => where[0]?.value).sort()).toEqual(['A', 'B', 'C']);
    expect(carriers.reduce((sum, { rows }) => sum + rows, 0)).toBe(1_400);
    expect(carriers[0]?.metrics.calibration_gap?.state).toBe('ok');
    expect(sliceSearch).toMatchObject({ state: 'ok', method: 'max-t' });
    expect(sliceSearch.searched).toBeGreaterThan(20);
    expect(sliceSearch.worst.length).toBeGreaterThan(0);
  });

  it('says what is lost where an input tells nothing', async () => {
    const drops = Object.fromEntries(
      result.evidence.robustness.map(({ input, change, drop }) => [`${input} ${change}`, drop]),
    );
    // The time of departure gives the hour, which moves the rate by 0.3; the distance by 0.2; the origin by nothing.
    expect(drops['departed_ts shuffled']).toBeGreaterThan(0.01);
    expect(drops['distance shuffled']).toBeGreaterThan(0.005);
    expect(Math.abs(drops['origin_traffic__late_rate shuffled'] ?? 1)).toBeLessThan(0.01);
    expect(drops).toHaveProperty('origin_traffic__late_rate missing');
    expect(drops).not.toHaveProperty('distance missing');
    const details = await getJson(bench.context.artifacts, result.evidence.details, EvaluationDetails);
    expect(details.importance[0]?.input).toBe('departed_ts');
    expect(Object.keys(result.evidence.plots).sort()).toEqual([
      'calibration',
      'confusion',
      'importance',
      'precision-recall',
      'roc',
    ]);
  });

  it('refuses a model that reads the label in disguise, with a reason, unless the feature is trusted', async () => {
    const leaky = { ...PLAN, features: [...PLAN.features, { name: 'early_word', expression: 'leak * 2' }] };
    const inputs = [
      ...PLAN.inputs,
      { name: 'leak', datatype: 'FP32', nullable: true, source: { kind: 'request', column: 'leak' } } as const,
    ];
    const withLeak = async (snapshot: TrainingSnapshot): Promise<EvaluateModelResult> => {
      const training = await storeTraining(bench, snapshot);
      const dataset = await getJson(bench.context.artifacts, training.dataset, TrainingDataset);
      const parts = {
        train: await rewritePart(bench, dataset.train, WITH_LEAK),
        holdout: await rewritePart(bench, dataset.holdout, WITH_LEAK),
      };
      const refs = { ...training, dataset: await putJson(bench.context.artifacts, { ...dataset, ...parts }) };
      return evaluate(refs, { ...leaky, inputs });
    };
    const { evidence } = await withLeak(snapshotOf({ gates: [] }));
    expect(evidence.outcome).toBe('rejected');
    expect(evidence.alarms).toMatchObject([{ kind: 'target_in_features', subject: 'early_word' }]);
    expect(evidence.reasons[0]).toContain('feature early_word alone tells the label');
    const trusted = await withLeak(withEvaluation({ trusted: ['early_word'] }));
    expect(trusted.evidence.alarms).toEqual([]);
  });

  it('weighs rows in everything, robustness and baselines as well', async () => {
    const dataset = await getJson(bench.context.artifacts, stored.dataset, TrainingDataset);
    const weighted = '*, (1 + 9 * label)::double as ":weight"';
    const parts = {
      train: await rewritePart(bench, dataset.train, weighted),
      holdout: await rewritePart(bench, dataset.holdout, weighted),
    };
    const { evidence } = await evaluate({
      ...stored,
      dataset: await putJson(bench.context.artifacts, { ...dataset, ...parts }),
    });
    // All 1 400 rows are in the sample whose inputs are shuffled.
    expect(evidence.robustness[0]?.before).toBeCloseTo(evidence.metrics.log_loss?.value ?? 0, 9);
    const majority = evidence.baselineMetrics['majority'];
    expect(majority?.base_rate?.value).toBeGreaterThan(0.7);
    expect(Math.abs(majority?.calibration_gap?.value ?? 1)).toBeLessThan(0.05);
  });

  it('refuses an input that the label is made of', async () => {
    const snapshot = snapshotOf();
    const spec = { ...snapshot.spec, label: { expression: 'distance > 1000', availableAfter: '12h' } };
    const { evidence } = await evaluate(await storeTraining(bench, TrainingSnapshot.parse({ ...snapshot, spec })));
    expect(evidence.alarms).toMatchObject([{ kind: 'target_in_features', subject: 'distance' }]);
    expect(evidence.outcome).toBe('rejected');
  });

  it('knows the same holdout again whatever features are tried on it', async () => {
    const fewer = { ...PLAN, features: PLAN.features.slice(0, 2) };
    const other = await evaluate(stored, fewer);
    expect(other.evidence.holdoutDigest).toBe(result.evidence.holdoutDigest);
    expect(other.evidence.metrics.roc_auc?.value).not.toBe(result.evidence.metrics.roc_auc?.value);
  });

  it('makes a card whose every figure stands where it says', async () => {
    const { artifacts } = bench.context;
    const evaluated = await keepEvidence(artifacts, result.evidence);
    const sources = { evidence: evaluated, snapshot: stored.snapshot, dataset: stored.dataset };
    const card = modelCard({
      evidence: result.evidence,
      snapshot: await getJson(artifacts, stored.snapshot, TrainingSnapshot),
      dataset: await getJson(artifacts, stored.dataset, TrainingDataset),
      sources,
    });
    const read = async (name: keyof typeof sources): Promise<unknown> =>
      JSON.parse(new TextDecoder().decode(await artifacts.get(card.sources[name])));
    const documents: Readonly<Record<string, unknown>> = {
      evidence: await read('evidence'),
      snapshot: await read('snapshot'),
      dataset: await read('dataset'),
    };
    const figures = card.tables.flatMap(({ rows }) => rows.flat()).filter((cell) => typeof cell !== 'string');
    expect(figures.length).toBeGreaterThan(150);
    for (const figure of figures) expect(found(documents[figure.source], figure), figure.path).toBe(figure.value);
    const page = renderCard(card, { title: 'flight-delay, version 1', plotLink: (plot) => `plots/${plot}` });
    expect(page).toContain('# flight-delay, version 1');
    expect(page).toContain('| ROC AUC | 0.');
    expect(page).toContain('![roc](plots/roc)');
    expect(page).toContain(`artefact \`${evaluated.sha256}\``);
    expect(page).toContain('evidence:evidence.metrics.roc_auc.value');
    const importance = card.tables.find(({ title }) => title === 'Importance of features');
    // The rate moves by 0.3 with the hour and by 0.2 with the distance.
    expect(importance?.rows.map(([feature]) => feature)).toEqual(
      expect.arrayContaining(['hour', 'distance', 'carrier', 'origin_traffic__late_rate']),
    );
    expect(page).toContain('share of what all splits of 30 trees took');
    expect(page).toContain('hour [evidence:evidence.fit.importance.');
    expect(page).toContain('| decision threshold, least declared cost on training rows | 0.');
    expect(page).toContain('cost of a false negative [snapshot:spec.evaluation.costs.falseNegative]');
  });
});

function found(document: unknown, { path, unit }: CardFigure): unknown {
  const value = path.split('.').reduce<unknown>((node, part) => (node as Record<string, unknown>)[part], document);
  return unit === 'time' ? toIso(micros(Number(value))) : value;
}
