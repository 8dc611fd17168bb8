/** Runs graphs over the rows of a training dataset, with progress, and stops when the job is cancelled. */
import type { FeaturePlan } from '../../domain/features.js';
import { compilePrefix, FEATURES_OUTPUT } from '../../ml/features/plan.js';
import { PROBABILITY_OUTPUT } from '../../ml/onnx/ensemble-graph.js';
import { createSession } from '../../ml/onnx/session.js';
import { encodeModel } from '../../ml/onnx/writer.js';
import { scoreInBatches } from '../../scoring/batch.js';
import type { JobContext } from './context.js';
import type { ModelRows } from './model-rows.js';

type Reporting = Pick<JobContext, 'progress' | 'signal'>;
type Rows = Pick<ModelRows, 'rows' | 'columns'>;

/** The feature matrix of a plan, row-major rows × features: computed by the very nodes that serving runs. */
export function computeFeatures(context: Reporting, plan: FeaturePlan, rows: Rows): Promise<Float32Array> {
  const output = { name: FEATURES_OUTPUT, width: plan.features.length };
  return runGraph(context, { graph: encodeModel(compilePrefix(plan)), rows, output });
}

/** Probabilities that a model's graph gives; columns the graph does not take are ignored. */
export function scoreProbabilities(context: Reporting, graph: Uint8Array, rows: Rows): Promise<Float32Array> {
  return runGraph(context, { graph, rows, output: { name: PROBABILITY_OUTPUT, width: 1 } });
}

async function runGraph(
  { progress, signal }: Reporting,
  run: { graph: Uint8Array; rows: Rows; output: { name: string; width: number } },
): Promise<Float32Array> {
  const session = await createSession(run.graph);
  try {
    const taken = new Set(session.inputs.map(({ name }) => name));
    const columns = Object.fromEntries(Object.entries(run.rows.columns).filter(([name]) => taken.has(name)));
    return await scoreInBatches({
      session,
      columns,
      rows: run.rows.rows,
      output: run.output.name,
      width: run.output.width,
      onBatch: (rowsDone) => {
        signal.throwIfAborted();
        progress({ message: `${run.output.name}: ${rowsDone} of ${run.rows.rows} rows` });
      },
    });
  } finally {
    await session.release();
  }
}
