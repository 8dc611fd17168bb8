/** Where a probability becomes a decision: 1 at the threshold and above. */
import type { DecisionCosts } from '../../domain/evaluation.js';
import { ascendingOrder } from './metrics.js';

export interface ThresholdRows {
  /** Float32 in [0, 1]. */
  readonly probabilities: Float32Array;
  /** 0 or 1, aligned. */
  readonly labels: ArrayLike<number>;
  /** All 1 where left out. */
  readonly weights?: ArrayLike<number> | undefined;
  /** Without them F1 decides. */
  readonly costs?: DecisionCosts | undefined;
}

/**
 * The threshold with the least cost on these rows, where costs are declared, or else with the greatest F1: the lowest such
 * among the probabilities themselves, or 1 where deciding 1 for nobody costs least.
 */
export function chooseThreshold({ probabilities, labels, weights, costs }: ThresholdRows): number {
  const order = ascendingOrder(probabilities);
  const weightAt = (row: number): number => weights?.[row] ?? 1;
  const positives = order.reduce((sum, row) => sum + (labels[row] === 1 ? weightAt(row) : 0), 0);
  const worthOf = costs === undefined ? f1Of(positives) : savingOf(costs);
  const nobody = costs !== undefined && (probabilities[order.at(-1) ?? 0] ?? 0) < 1;
  let best = nobody ? { worth: 0, threshold: 1 } : { worth: Number.NEGATIVE_INFINITY, threshold: 0.5 };
  let [above, positivesAbove] = [0, 0];
  for (let position = order.length - 1; position >= 0; position -= 1) {
    const row = order[position] as number;
    above += weightAt(row);
    positivesAbove += labels[row] === 1 ? weightAt(row) : 0;
    const threshold = probabilities[row] as number;
    if (position > 0 && probabilities[order[position - 1] as number] === threshold) continue;
    const worth = worthOf(positivesAbove, above - positivesAbove);
    if (worth >= best.worth) best = { worth, threshold };
  }
  return best.threshold;
}

/** What is thought of deciding 1 for rows of these weights. */
type Worth = (truePositive: number, falsePositive: number) => number;

function f1Of(positives: number): Worth {
  return (truePositive, falsePositive) => {
    const denominator = positives + truePositive + falsePositive;
    return denominator === 0 ? 0 : (2 * truePositive) / denominator;
  };
}

/** How much less it costs than to decide 0 for everybody. */
function savingOf({ truePositive, falsePositive, trueNegative, falseNegative }: DecisionCosts): Worth {
  return (positives, negatives) =>
    (falseNegative - truePositive) * positives + (trueNegative - falsePositive) * negatives;
}
