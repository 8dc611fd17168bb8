/** What a search tries next: a pure function of the space, the seed, the number of the trial, and the trials before it. */
import { canonicalJson } from '../../domain/canonical-json.js';
import { gridCombinations, gridPoint } from '../../domain/search-grid.js';
import {
  combinationsOf,
  isRange,
  type ParameterSpace,
  type ParameterValue,
  type SearchSpace,
  type SearchSpec,
} from '../../domain/search-space.js';
import type { SearchPlan } from '../../domain/search.js';
import type { TrainerParameters } from '../../domain/trainer.js';
import { createUniform, mix32 } from '../random.js';
import { valueAt } from './scale.js';
import { drawByDensities, type JudgedTrial } from './tpe.js';

export interface ProposalInput {
  readonly search: Pick<SearchSpec, 'method' | 'over'>;
  readonly seed: number;
  /** From 1 on. */
  readonly index: number;
  /** The trials 0 to `index` − 1; the first one has the declared parameters. */
  readonly trials: readonly JudgedTrial[];
}

/** Trials that are drawn blindly before the densities of TPE say anything. */
const BLIND_TRIALS = 8;
/** Draws against a repetition, before the first combination is taken that is still open. */
const REDRAWS = 30;

/** All that the trainer of a trial is told; trial 0 is told what was declared. `trials` are those before it. */
export function trialParameters(
  { trainer, declared }: Pick<SearchPlan, 'trainer' | 'declared'>,
  index: number,
  trials: readonly JudgedTrial[],
): TrainerParameters {
  const { search, seed } = trainer;
  if (search === undefined || index === 0) return declared;
  return { ...declared, ...proposeTrial({ search, seed, index, trials }) };
}

/** Values for the parameters of the space. Of a finite space no combination comes twice. */
export function proposeTrial({ search, seed, index, trials }: ProposalInput): TrainerParameters {
  const { method, over } = search;
  const [declared] = trials;
  if (method === 'grid') return gridPoint(over, index - 1 + skipped(over, declared?.parameters ?? {}, index - 1));
  const isBlind = method === 'random' || trials.filter(({ loss }) => loss !== null).length < BLIND_TRIALS;
  const seen = new Set(trials.map(({ parameters }) => keyOf(over, parameters)));
  for (let redraw = 0; redraw < REDRAWS; redraw += 1) {
    const uniform = createUniform(mix32(seed, index, redraw));
    const point = isBlind ? drawBlindly(over, uniform) : drawByDensities(inOrder(over), trials, uniform);
    if (!seen.has(keyOf(over, point))) return point;
  }
  return firstOpen(over, seen);
}

/** Trials that the search proposes beside the declared parameters; those are not tried again. */
export function plannedTrials(
  { method, over, trials }: Pick<SearchSpec, 'method' | 'over' | 'trials'>,
  declared: TrainerParameters,
): number {
  const combinations = method === 'grid' ? gridCombinations(over) : combinationsOf(over);
  if (combinations === null) return trials;
  const repeats = method === 'grid' ? skipped(over, declared, combinations - 1) : Number(holdsAll(over, declared));
  return Math.min(trials, combinations - repeats);
}

function drawBlindly(space: SearchSpace, uniform: () => number): TrainerParameters {
  return Object.fromEntries(
    inOrder(space).map(([name, parameter]) => {
      if (isRange(parameter)) return [name, valueAt(parameter, uniform())];
      const choices = [...new Set(parameter)];
      return [name, choices[Math.floor(uniform() * choices.length)] as ParameterValue];
    }),
  );
}

/** By name, whatever order the parameters were declared in. */
function inOrder(space: SearchSpace): [string, ParameterSpace][] {
  return Object.entries(space).toSorted(([left], [right]) => (left < right ? -1 : 1));
}

function keyOf(space: SearchSpace, parameters: TrainerParameters): string {
  return canonicalJson(inOrder(space).map(([name]) => parameters[name] ?? null));
}

/** 1 where the combination of the declared parameters comes at this position of the grid or before, else 0. */
function skipped(space: SearchSpace, declared: TrainerParameters, position: number): number {
  const key = keyOf(space, declared);
  for (let at = 0; at <= position; at += 1) if (keyOf(space, gridPoint(space, at)) === key) return 1;
  return 0;
}

function holdsAll(space: SearchSpace, parameters: TrainerParameters): boolean {
  return Object.entries(space).every(([name, parameter]) => {
    const value = parameters[name];
    if (value === undefined) return false;
    if (!isRange(parameter)) return parameter.includes(value);
    const { min, max, type } = parameter;
    return typeof value === 'number' && value >= min && value <= max && (type === 'float' || Number.isInteger(value));
  });
}

/** Of a finite space that is nearly used up. */
function firstOpen(space: SearchSpace, seen: ReadonlySet<string>): TrainerParameters {
  const whole = withoutSteps(space);
  for (let position = 0; ; position += 1) {
    const point = gridPoint(whole, position % gridCombinations(whole));
    if (!seen.has(keyOf(space, point)) || position >= seen.size) return point;
  }
}

/** Every whole number, whatever steps a grid would take; ranges of floats never come here by chance. */
function withoutSteps(space: SearchSpace): SearchSpace {
  return Object.fromEntries(
    Object.entries(space).map(([name, parameter]) => {
      if (!isRange(parameter)) return [name, parameter];
      const { steps: _ofGrids, ...range } = parameter;
      return [name, range];
    }),
  );
}
