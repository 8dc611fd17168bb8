/** Limited-memory BFGS (Liu and Nocedal 1989) with backtracking, for smooth convex functions. */
import { dot } from './normal-equations.js';

export interface Evaluated {
  readonly value: number;
  readonly gradient: Float64Array;
}

export interface Minimum extends Evaluated {
  readonly point: Float64Array;
  readonly iterations: number;
  readonly converged: boolean;
}

const MEMORY = 10;
const SUFFICIENT = 1e-4;
const HALVINGS = 40;

interface Pair {
  readonly step: Float64Array;
  readonly change: Float64Array;
  readonly curvature: number;
}

/** Ends when no part of the gradient exceeds `tolerance`, or rounding lets no step make the value smaller. */
export function minimize(
  evaluate: (point: Float64Array) => Evaluated,
  start: Float64Array,
  options: { tolerance: number; maxIterations: number; onIteration: (iteration: number, value: number) => void },
): Minimum {
  let point = start;
  let here = evaluate(point);
  const pairs: Pair[] = [];
  for (let iteration = 0; ; iteration += 1) {
    const steepest = here.gradient.reduce((greatest, part) => Math.max(greatest, Math.abs(part)), 0);
    if (steepest <= options.tolerance) return { ...here, point, iterations: iteration, converged: true };
    if (iteration >= options.maxIterations) return { ...here, point, iterations: iteration, converged: false };
    const next = backtrack(evaluate, { point, here, direction: direction(here.gradient, pairs) });
    if (next === null) return { ...here, point, iterations: iteration, converged: true };
    const step = next.point.map((value, index) => value - (point[index] as number));
    const change = next.at.gradient.map((value, index) => value - (here.gradient[index] as number));
    const curvature = dot(step, change);
    if (curvature > 0) pairs.push({ step, change, curvature });
    if (pairs.length > MEMORY) pairs.shift();
    ({ point, at: here } = next);
    options.onIteration(iteration + 1, here.value);
  }
}

/** The two-loop recursion; a first step of length one at most. */
function direction(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const found = gradient.map((part) => -part);
  const newestFirst = pairs.toReversed();
  const factors = newestFirst.map(({ step, change, curvature }) => {
    const factor = dot(step, found) / curvature;
    addTo(found, change, -factor);
    return factor;
  });
  const [newest] = newestFirst;
  const scale =
    newest === undefined
      ? 1 / Math.max(1, Math.sqrt(dot(gradient, gradient)))
      : newest.curvature / dot(newest.change, newest.change);
  for (let index = 0; index < found.length; index += 1) found[index] = (found[index] as number) * scale;
  for (const [index, { step, change, curvature }] of pairs.entries()) {
    const factor = factors[pairs.length - 1 - index] ?? 0;
    addTo(found, step, factor - dot(change, found) / curvature);
  }
  return found;
}

function addTo(target: Float64Array, added: Float64Array, factor: number): void {
  for (let index = 0; index < target.length; index += 1)
    target[index] = (target[index] as number) + factor * (added[index] as number);
}

function backtrack(
  evaluate: (point: Float64Array) => Evaluated,
  from: { point: Float64Array; here: Evaluated; direction: Float64Array },
): { point: Float64Array; at: Evaluated } | null {
  const slope = dot(from.here.gradient, from.direction);
  for (let halving = 0, length = 1; halving < HALVINGS; halving += 1, length /= 2) {
    const point = from.point.map((value, index) => value + length * (from.direction[index] as number));
    const at = evaluate(point);
    if (at.value <= from.here.value + SUFFICIENT * length * slope && at.value < from.here.value) return { point, at };
  }
  return null;
}
