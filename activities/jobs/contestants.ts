/** Whom a challenger is compared with: the champion as it is served, and named baselines fitted on training rows. */
import type { Bundle } from '../../domain/bundle.js';
import type { FeaturePlan } from '../../domain/features.js';
import type { Gate } from '../../domain/gates.js';
import type { TrainingDataset } from '../../domain/training.js';
import { fitRateTable, scoreRateTable } from '../../ml/evaluation/baselines.js';
import { chooseThreshold } from '../../ml/evaluation/metrics.js';
import type { JobContext } from './context.js';
import { columnNamesOf, inputNames, type ModelRows, readModelRows } from './model-rows.js';
import { computeFeatures, scoreBundle } from './model-scoring.js';

/** Probabilities of the holdout rows, and the threshold they are decided at. */
export interface Contestant {
  readonly probabilities: Float32Array;
  readonly threshold: number;
}

export type Champion =
  | (Contestant & { readonly state: 'scored' })
  | { readonly state: 'none' }
  /** Its inputs are not in this training dataset, so it cannot answer the same rows. */
  | { readonly state: 'not_comparable'; readonly missing: readonly string[] };

/** The champion's own graph and plan on the same rows. */
export async function scoreChampion(
  context: JobContext,
  dataset: TrainingDataset,
  champion: Bundle | null,
): Promise<Champion> {
  if (champion === null) return { state: 'none' };
  const names = inputNames(champion.plan.inputs);
  const available = await columnNamesOf(context, dataset.holdout);
  const missing = names.filter((name) => !available.has(name));
  if (missing.length > 0) return { state: 'not_comparable', missing };
  const rows = await readModelRows(context, dataset.holdout, names);
  const probabilities = await scoreBundle(context, champion, rows);
  return { state: 'scored', probabilities, threshold: champion.decisionThreshold };
}

/** Name under which a baseline's metrics are kept. */
export function baselineName(baseline: string, column: string): string {
  return `${baseline}(${column})`;
}

/** The baselines that gates ask for, by name. */
export async function scoreBaselines(
  context: JobContext,
  source: { dataset: TrainingDataset; plan: FeaturePlan; holdout: ModelRows; gates: readonly Gate[] },
): Promise<ReadonlyMap<string, Contestant>> {
  const { dataset, plan, holdout, gates } = source;
  const columns = new Set(
    gates.flatMap((gate) => ('against' in gate && gate.against !== 'champion' ? [gate.against.column] : [])),
  );
  const baselines = new Map<string, Contestant>();
  if (columns.size === 0) return baselines;
  const train = await readModelRows(context, dataset.train, inputNames(plan.inputs));
  for (const column of columns) {
    const alone = planOfColumn(plan, column);
    const values = await computeFeatures(context, alone, train);
    const table = fitRateTable(values, train.labels);
    baselines.set(baselineName('rateBy', column), {
      probabilities: scoreRateTable(table, await computeFeatures(context, alone, holdout)),
      threshold: chooseThreshold(scoreRateTable(table, values), train.labels),
    });
  }
  return baselines;
}

/** A plan with one feature: the model's feature of that name, or the input itself. */
function planOfColumn(plan: FeaturePlan, column: string): FeaturePlan {
  const feature = plan.features.find(({ name }) => name === column) ?? { name: column, expression: column };
  return { ...plan, features: [feature] };
}
