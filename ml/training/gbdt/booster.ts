/**
 * Histogram gradient boosting: Newton steps on the loss (Friedman 2001; second order as in Chen and Guestrin 2016),
 * leaf-wise growth. Deterministic: the same rows, parameters and seed give the same trees for any number of threads,
 * whether a run was interrupted and resumed or not.
 */
import type { GbdtParameters } from '../../../domain/gbdt-parameters.js';
import type { Task } from '../../../domain/task.js';
import { addTreeScores } from '../score.js';
import type { Tree, TreeEnsemble } from '../tree-ensemble.js';
import { type FeatureBins, fillBins, fitBins } from './binning.js';
import { SLOT_FIELDS } from './histogram.js';
import { HistogramPool } from './histogram-pool.js';
import { leafMedians } from './leaf-medians.js';
import {
  allocateMemory,
  BLOCK_FIELDS,
  type BoosterArrays,
  type BoosterLayout,
  gradientScale,
  hessianScale,
  type Objective,
  slotsOf,
} from './memory.js';
import { checkLoss, objectiveOf, startScores } from './objective.js';
import { sampleFeatures } from './sampling.js';
import type { ShardArrays, ShardOperation } from './shard.js';
import { openMemory, runAll, type ShardTeam, type ShardTeams, soloTeams } from './team.js';
import { TreeGrowth, type TreeWork } from './tree-builder.js';

/** Rows to fit on, of a row-major matrix with NaN where a value is missing. */
export interface BoosterRows {
  readonly matrix: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** Columns that hold integer codes of categories. */
  readonly categorical?: readonly number[];
  /** 0 or 1, class index, or value. */
  readonly labels: Float32Array;
  readonly weights?: Float32Array;
}

export interface BoosterInput extends BoosterRows {
  readonly task: Task;
  /** Classes of a multiclass task; otherwise 1. */
  readonly outputs: number;
  readonly parameters: GbdtParameters;
  readonly seed: number;
  readonly teams: ShardTeams;
  readonly resumeFrom?: TreeEnsemble;
}

/** Below so many rows, starting other threads takes longer than they save. */
const TEAM_ROWS = 20_000;
/** Below so many rows, waking other threads takes longer than the work. */
const SHARED_ROWS = 3_000;
const HISTOGRAM_BYTES = 512 * 2 ** 20;

/** One training in memory, an iteration at a time. Call `end` when done with it. */
export class Booster {
  readonly #input: BoosterInput;
  readonly #objective: Objective;
  readonly #arrays: ShardArrays;
  readonly #team: ShardTeam;
  readonly #work: TreeWork;
  readonly #ensemble: Omit<TreeEnsemble, 'trees'>;
  readonly #trees: Tree[];
  readonly #totalWeight: number;
  #stuck = false;

  /** Throws what {@link startScores} throws. */
  constructor(input: BoosterInput) {
    const { columns, outputs, task, parameters } = input;
    this.#input = input;
    this.#objective = objectiveOf(task, parameters);
    const baseScores = startScores(this.#objective, input);
    this.#ensemble = { featureCount: columns, task, outputs, baseScores };
    const bins = fitBins(input, parameters.bins);
    const teams = input.rows < TEAM_ROWS ? soloTeams() : input.teams;
    const layout = layoutOf(input, { bins, objective: this.#objective, shards: teams.shards });
    const memory = allocateMemory(layout, bins);
    this.#arrays = openMemory(memory);
    fillBins(input, bins, this.#arrays);
    this.#totalWeight = loadLabels(this.#arrays, input);
    this.#trees = [...(input.resumeFrom?.trees ?? [])];
    this.#startScores(baseScores);
    this.#team = teams.start(memory);
    const pool = { most: parameters.maxLeaves + 1, bytes: HISTOGRAM_BYTES };
    this.#work = {
      arrays: this.#arrays,
      bins,
      parameters,
      histograms: new HistogramPool(layout.slots * SLOT_FIELDS, pool),
      run: (operation, rows) => this.#run(operation, rows),
    };
  }

  get iterations(): number {
    return this.#trees.length / this.#ensemble.outputs;
  }

  /** True when no tree found anything to split: further ones would not either. */
  get stuck(): boolean {
    return this.#stuck;
  }

  get ensemble(): TreeEnsemble {
    return { ...this.#ensemble, trees: this.#trees };
  }

  /**
   * Grows the trees of one iteration, one for each output, and returns the mean training loss before them. Throws
   * `PRN_TRAINING_DIVERGED`.
   */
  advance(): number {
    const { rows } = this.#input;
    const iteration = this.iterations;
    this.#scaleGradients(iteration);
    this.#run({ kind: 'gradients' }, rows);
    const trainingLoss = this.#sumOfLosses() / this.#totalWeight;
    checkLoss(trainingLoss, iteration);
    let grown = false;
    for (let output = 0; output < this.#ensemble.outputs; output += 1) {
      const tree = this.#growTree(iteration, output);
      this.#trees.push(tree);
      grown ||= tree.feature.length > 1;
    }
    const { rowSampling, columnSampling } = this.#input.parameters;
    this.#stuck = !grown && rowSampling === 1 && columnSampling === 1;
    return trainingLoss;
  }

  end(): void {
    this.#team.end();
  }

  #growTree(iteration: number, output: number): Tree {
    const { arrays, parameters } = this.#work;
    const features = sampleFeatures(this.#input, iteration * this.#ensemble.outputs + output);
    arrays.features.set([features.length, ...features]);
    const growth = new TreeGrowth(this.#work, output);
    const tree = growth.grow(
      iteration,
      this.#objective === 'absolute' ? leafMedians(arrays, parameters.learningRate) : undefined,
    );
    this.#run({ kind: 'scores', output }, this.#input.rows);
    return tree;
  }

  #run(operation: ShardOperation, rows: number): void {
    if (rows < SHARED_ROWS) runAll(this.#arrays, operation);
    else this.#team.run(operation);
  }

  /** Bounds of gradient and hessian are known before, but for squared loss. */
  #scaleGradients(iteration: number): void {
    const { scales, weights, blocks } = this.#arrays;
    const { rows } = this.#input;
    const heaviest = weights.reduce((greatest, weight) => Math.max(greatest, weight), weights.length === 0 ? 1 : 0);
    let greatest = heaviest;
    if (this.#objective === 'squared') {
      this.#run({ kind: 'measure' }, rows);
      greatest = 0;
      // Written so that NaN wins.
      for (let at = 1; at < blocks.length; at += BLOCK_FIELDS)
        if (!((blocks[at] as number) <= greatest)) greatest = blocks[at] as number;
      checkLoss(greatest, iteration);
    }
    scales[0] = gradientScale(greatest, rows);
    scales[1] = hessianScale(heaviest, rows);
  }

  /** In the order of the blocks, whoever did them. */
  #sumOfLosses(): number {
    const { blocks } = this.#arrays;
    let sum = 0;
    for (let at = 0; at < blocks.length; at += BLOCK_FIELDS) sum += blocks[at] as number;
    return sum;
  }

  #startScores(baseScores: readonly number[]): void {
    const { scores } = this.#arrays;
    const { outputs } = this.#ensemble;
    for (let at = 0; at < scores.length; at += 1) scores[at] = baseScores[at % outputs] as number;
    for (const tree of this.#trees) addTreeScores(tree, this.#input.matrix, { scores, outputs });
  }
}

function layoutOf(
  input: BoosterInput,
  { bins, objective, shards }: { bins: readonly FeatureBins[]; objective: Objective; shards: number },
): BoosterLayout {
  const { rows, columns, outputs, parameters, seed, weights } = input;
  return {
    rows,
    columns,
    outputs,
    objective,
    seed,
    shards,
    maxNodes: 2 * parameters.maxLeaves - 1,
    slots: slotsOf(bins),
    weighted: weights !== undefined,
    rowSampling: parameters.rowSampling,
  };
}

/** Returns the sum of the weights. */
function loadLabels(arrays: BoosterArrays, { rows, labels, weights }: BoosterRows): number {
  arrays.labels.set(labels.subarray(0, rows));
  if (weights === undefined) return rows;
  arrays.weights.set(weights.subarray(0, rows));
  return arrays.weights.reduce((sum, weight) => sum + weight, 0);
}
