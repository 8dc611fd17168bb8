/** Whether a declared search can be run: its space, its method, and the parameters that the trainer knows. */
import { DomainError, isDomainError } from './errors.js';
import { TASK_METRICS } from './metrics.js';
import type { ModelSpec } from './model.js';
import { didYouMean } from './names.js';
import {
  isRange,
  type ParameterRange,
  type ParameterSpace,
  type ParameterValue,
  type SearchSpec,
} from './search-space.js';
import { gridCombinations } from './search-grid.js';
import { isBuiltIn } from './trainer.js';
import { parameterNames, parseTrainerParameters } from './trainer-parameters.js';

type Searched = Pick<ModelSpec, 'task' | 'split' | 'trainer'>;
/** Throws `PRN_SEARCH_INVALID`. */
type Refuse = (problem: string, remedy: string) => never;

/** Nothing to check where the trainer declares no search. Throws `PRN_SEARCH_INVALID`. */
export function checkSearch(model: string, spec: Searched): void {
  const { search } = spec.trainer;
  if (search === undefined) return;
  const refuse: Refuse = (problem, remedy) => {
    throw new DomainError('PRN_SEARCH_INVALID', { model, problem, remedy });
  };
  if (Object.keys(search.over).length === 0)
    refuse('there is nothing to search over', 'Name parameters in `over`, or leave `search` out.');
  for (const [name, space] of Object.entries(search.over)) if (isRange(space)) checkRange(name, space, refuse);
  checkMethod(search, refuse);
  checkParameters(spec, search, refuse);
  checkJudgement(spec, search, refuse);
}

function checkRange(name: string, { min, max, scale, type, steps }: ParameterRange, refuse: Refuse): void {
  if (min > max) refuse(`${name} goes from ${min} to ${max}`, '`min` must not be above `max`.');
  if (scale === 'log' && min <= 0)
    refuse(`${name} has scale log and begins at ${min}`, 'A log scale needs `min` above 0.');
  if (type === 'int' && !(Number.isSafeInteger(min) && Number.isSafeInteger(max)))
    refuse(`${name} is of type int and goes from ${min} to ${max}`, 'Both must be whole numbers.');
  if (!Number.isFinite(max - min)) refuse(`${name} goes from ${min} to ${max}`, 'Choose a narrower range.');
  if (type === 'int' && steps !== undefined && steps > max - min + 1)
    refuse(`${name} has ${max - min + 1} whole numbers, fewer than ${steps} steps`, 'Lower `steps`.');
}

function checkMethod({ method, over, trials }: SearchSpec, refuse: Refuse): void {
  if (method !== 'grid') return;
  for (const [name, space] of Object.entries(over))
    if (isRange(space) && space.type === 'float' && space.steps === undefined && space.min < space.max)
      refuse(`a grid cannot take all numbers of ${name}`, 'Give `steps`, or list its values.');
  const combinations = gridCombinations(over);
  if (combinations > trials)
    refuse(
      `the grid has ${combinations} combinations and ${trials} trials`,
      'Raise `trials`, search over less, or take method random or tpe.',
    );
}

/** Each value by itself, beside the declared parameters: what a trainer refuses then would fail in every trial. */
function checkParameters({ trainer }: Searched, { over }: SearchSpec, refuse: Refuse): void {
  // Which parameters other trainers have, only they know.
  if (!isBuiltIn(trainer)) return;
  const known = parameterNames(trainer.kind);
  for (const [name, space] of Object.entries(over)) {
    if (!known.includes(name))
      refuse(
        `trainer ${trainer.kind} has no parameter ${name}${didYouMean(name, known)}`,
        `It has ${known.join(', ')}.`,
      );
    for (const value of probesOf(space)) {
      try {
        parseTrainerParameters(trainer.kind, { ...trainer.parameters, [name]: value });
      } catch (error) {
        if (!isDomainError(error)) throw error;
        refuse(`${name} cannot be ${value}`, error.message);
      }
    }
  }
}

/** All listed values; of a range its ends and something between, which tells a float from a whole number. */
function probesOf(space: ParameterSpace): ParameterValue[] {
  if (!isRange(space)) return space;
  const { min, max, type } = space;
  return type === 'int' ? [min, max] : [min, min + (max - min) / Math.PI, max];
}

function checkJudgement({ task, split }: Searched, { metric, validation }: SearchSpec, refuse: Refuse): void {
  const known: readonly string[] = TASK_METRICS[task];
  if (metric !== undefined && !known.includes(metric))
    refuse(`a ${task} model has no ${metric}`, 'Leave `metric` out, or name one that the task has.');
  if ('last' in validation && !('train' in split))
    refuse('`validation.last` belongs to a split by time', 'Give a `share`: whole groups or keys are put aside.');
}
