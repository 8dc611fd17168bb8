/** Runs graphs over the rows of a training dataset, with progress, and stops when the job is cancelled. */
import type { Bundle } from '../../domain/bundle.js';
import { DomainError } from '../../domain/errors.js';
import type { FeaturePlan } from '../../domain/features.js';
import { SCORE_OUTPUTS, scoreWidth, type TaskShape } from '../../domain/task.js';
import { compilePrefix, FEATURES_OUTPUT } from '../../ml/features/plan.js';
import { createChain } from '../../ml/onnx/chain.js';
import { scoreProblem } from '../../ml/onnx/foreign-model.js';
import type { OnnxSession } from '../../ml/onnx/session.js';
import { encodeModel } from '../../ml/onnx/writer.js';
import { scoreInBatches } from '../../scoring/batch.js';
import type { JobContext } from './context.js';
import type { ModelRows } from './model-rows.js';

type Reporting = Pick<JobContext, 'progress' | 'signal'>;
type Rows = Pick<ModelRows, 'rows' | 'columns'>;

/** The feature matrix of a plan, row-major rows × features: computed by the very nodes that serving runs. */
export function computeFeatures(context: Reporting, plan: FeaturePlan, rows: Rows): Promise<Float32Array> {
  const output = { name: FEATURES_OUTPUT, width: plan.features.length };
  return withGraphs([encodeModel(compilePrefix(plan))], (session) => runGraphs(context, session, { rows, output }));
}

/** What is run to score rows, before it is a bundle. */
export interface RunnableModel extends TaskShape {
  readonly graphs: readonly Uint8Array[];
}

/** Scores some rows, row-major rows × width; columns that the model does not take are ignored. */
export type Score = (rows: Rows) => Promise<Float32Array>;

/** Opens a model for as long as `use` runs, which may score as often as it likes. */
export function withModel<T>(
  context: Reporting,
  { graphs, ...shape }: RunnableModel,
  use: (score: Score) => Promise<T>,
): Promise<T> {
  const output = { name: SCORE_OUTPUTS[shape.task], width: scoreWidth(shape) };
  return withGraphs(graphs, (session) => use((rows) => runGraphs(context, session, { rows, output })));
}

/** Scores that a model's graphs give, once. */
export function scoreModel(context: Reporting, model: RunnableModel, rows: Rows): Promise<Float32Array> {
  return withModel(context, model, (score) => score(rows));
}

/** The same of a stored bundle. */
export async function scoreBundle(
  context: Reporting & Pick<JobContext, 'artifacts'>,
  { graphs, task, classes }: Pick<Bundle, 'graphs' | 'task' | 'classes'>,
  rows: Rows,
): Promise<Float32Array> {
  const bytes = await Promise.all(graphs.map((graph) => context.artifacts.get(graph)));
  return scoreModel(context, { graphs: bytes, task, classes }, rows);
}

/** Throws `PRN_TRAINER_PREDICTIONS` for scores that cannot be those of the task; `of` says of which rows they are. */
export function requireUsableScores(scores: ArrayLike<number>, shape: TaskShape, of: string): void {
  const problem = scoreProblem(scores, shape);
  if (problem !== null) throw new DomainError('PRN_TRAINER_PREDICTIONS', { problem: `of the ${of}, ${problem}` });
}

async function withGraphs<T>(graphs: readonly Uint8Array[], use: (session: OnnxSession) => Promise<T>): Promise<T> {
  const session = await createChain(graphs);
  try {
    return await use(session);
  } finally {
    await session.release();
  }
}

async function runGraphs(
  { progress, signal }: Reporting,
  session: OnnxSession,
  { rows, output }: { rows: Rows; output: { name: string; width: number } },
): Promise<Float32Array> {
  const taken = new Set(session.inputs.map(({ name }) => name));
  return scoreInBatches({
    session,
    columns: Object.fromEntries(Object.entries(rows.columns).filter(([name]) => taken.has(name))),
    rows: rows.rows,
    output: output.name,
    width: output.width,
    onBatch: (rowsDone) => {
      signal.throwIfAborted();
      progress({ message: `${output.name}: ${rowsDone} of ${rows.rows} rows` });
    },
  });
}
