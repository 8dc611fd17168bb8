/** Ends training when rows that it does not see stop getting better. */
import { addTreeScores, baseScoresOf } from '../score.js';
import type { Tree, TreeEnsemble } from '../tree-ensemble.js';
import type { BoosterRows } from './booster.js';
import type { Objective } from './memory.js';
import { checkLoss, meanLoss } from './objective.js';

export class EarlyStopping {
  readonly #rules: { readonly held: BoosterRows; readonly objective: Objective; readonly patience: number };
  readonly #table: { readonly scores: Float64Array; readonly outputs: number };
  #iterations = 0;
  #best = { iteration: 0, loss: Number.POSITIVE_INFINITY };

  /** Goes through the trees that there are already, so that a resumed run ends where an undisturbed one would. */
  constructor(
    rules: { readonly held: BoosterRows; readonly objective: Objective; readonly patience: number },
    ensemble: TreeEnsemble,
  ) {
    const { outputs, trees } = ensemble;
    this.#rules = rules;
    this.#table = { scores: baseScoresOf(ensemble, rules.held.rows), outputs };
    this.#best = { iteration: 0, loss: this.#loss() };
    for (let from = 0; from < trees.length; from += outputs) this.observe(trees.slice(from, from + outputs));
  }

  /** Takes in the trees of an iteration; returns the loss after it. */
  observe(trees: readonly Tree[]): number {
    for (const tree of trees) addTreeScores(tree, this.#rules.held.matrix, this.#table);
    this.#iterations += 1;
    const loss = this.#loss();
    checkLoss(loss, this.#iterations);
    if (loss < this.#best.loss) this.#best = { iteration: this.#iterations, loss };
    return loss;
  }

  get ended(): boolean {
    return this.#iterations - this.#best.iteration >= this.#rules.patience;
  }

  /** Iterations of the model to keep; 0 where no tree was better than none. */
  get best(): number {
    return this.#best.iteration;
  }

  #loss(): number {
    return meanLoss(this.#rules.objective, this.#rules.held, this.#table);
  }
}
