/** The combinations of a grid in their order: the last parameter by name changes fastest. */
import {
  isRange,
  type ParameterRange,
  type ParameterSpace,
  type ParameterValue,
  type SearchSpace,
} from './search-space.js';
import type { TrainerParameters } from './trainer.js';

/** Of each parameter so many values. */
export function gridCombinations(space: SearchSpace): number {
  return Object.values(space).reduce((product, parameter) => product * gridSize(parameter), 1);
}

/** The combination at a position from 0 on. */
export function gridPoint(space: SearchSpace, position: number): TrainerParameters {
  const point: TrainerParameters = {};
  let rest = position;
  for (const name of Object.keys(space).toSorted().toReversed()) {
    const parameter = space[name] as ParameterSpace;
    const size = gridSize(parameter);
    point[name] = gridValue(parameter, rest % size);
    rest = Math.floor(rest / size);
  }
  return point;
}

function gridSize(space: ParameterSpace): number {
  if (!isRange(space)) return new Set(space).size;
  const { min, max, type, steps } = space;
  if (min === max) return 1;
  return steps === undefined && type === 'int' ? max - min + 1 : stepValues(space).length;
}

function gridValue(space: ParameterSpace, position: number): ParameterValue {
  if (!isRange(space)) return [...new Set(space)][position] as ParameterValue;
  const { min, type, steps } = space;
  return steps === undefined && type === 'int' ? min + position : (stepValues(space)[position] as number);
}

/** Evenly on the scale, each once: steps between whole numbers can round to the same one. */
function stepValues({ min, max, scale, type, steps = 1 }: ParameterRange): number[] {
  const values = Array.from({ length: steps }, (_unused, step) => {
    if (step === 0) return min;
    if (step === steps - 1) return max;
    const share = step / (steps - 1);
    const value = scale === 'log' ? min * (max / min) ** share : min + (max - min) * share;
    return type === 'int' ? Math.round(value) : value;
  });
  return [...new Set(values)];
}
