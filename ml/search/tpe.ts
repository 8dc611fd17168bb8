/**
 * The tree-structured Parzen estimator (Bergstra, Bardenet, Bengio, Kégl 2011): trials are parted into good and others,
 * new ones are drawn from the densities of the good ones, and of many draws the one is taken that the densities of the
 * others make least likely, which has the greatest expected improvement.
 */
import { isRange, type ParameterRange, type ParameterSpace, type ParameterValue } from '../../domain/search-space.js';
import type { TrainerParameters } from '../../domain/trainer.js';
import { densityAt, drawFrom, frequenciesOf, mixtureOf, pickFrom } from './parzen.js';
import { positionOf, roomOf, valueAt } from './scale.js';

/** Share of the finished trials that count as good. */
const GOOD_SHARE = 0.2;
const MOST_GOOD = 25;
/** Draws, of which the best is taken. */
const CANDIDATES = 24;

export interface JudgedTrial {
  readonly parameters: TrainerParameters;
  /** Null of a trial that failed or has not ended: it counts as none of the good ones. */
  readonly loss: number | null;
}

interface PartedTrials {
  readonly good: readonly TrainerParameters[];
  readonly others: readonly TrainerParameters[];
}

interface ParameterDensities {
  readonly name: string;
  draw(): ParameterValue;
  /** Logarithm of how much likelier a drawn value is among the good ones. */
  gainOf(value: ParameterValue): number;
}

/**
 * Values for the named parameters, in that order; `uniform` draws from [0, 1). Values of trials that the space does not hold
 * say nothing about their parameter.
 */
export function drawByDensities(
  space: readonly (readonly [string, ParameterSpace])[],
  trials: readonly JudgedTrial[],
  uniform: () => number,
): TrainerParameters {
  const parted = partTrials(trials);
  const densities = space.map(([name, parameter]) =>
    isRange(parameter)
      ? rangeDensities({ name, range: parameter, uniform }, parted)
      : choiceDensities({ name, choices: [...new Set(parameter)], uniform }, parted),
  );
  let best: { parameters: TrainerParameters; gain: number } | null = null;
  for (let candidate = 0; candidate < CANDIDATES; candidate += 1) {
    const drawn = densities.map(({ draw }) => draw());
    const gain = densities.reduce((sum, { gainOf }, at) => sum + gainOf(drawn[at] as ParameterValue), 0);
    if (best !== null && gain <= best.gain) continue;
    best = {
      parameters: Object.fromEntries(densities.map(({ name }, at) => [name, drawn[at] as ParameterValue])),
      gain,
    };
  }
  return best?.parameters ?? {};
}

/** Finished trials by their loss, the earlier of equals first. */
function partTrials(trials: readonly JudgedTrial[]): PartedTrials {
  const judged = trials.flatMap(({ parameters, loss }) => (loss === null ? [] : [{ parameters, loss }]));
  const ranked = judged.toSorted((left, right) => left.loss - right.loss).map(({ parameters }) => parameters);
  const good = Math.min(MOST_GOOD, Math.ceil(GOOD_SHARE * ranked.length));
  const unjudged = trials.filter(({ loss }) => loss === null).map(({ parameters }) => parameters);
  return { good: ranked.slice(0, good), others: [...ranked.slice(good), ...unjudged] };
}

function rangeDensities(
  { name, range, uniform }: { name: string; range: ParameterRange; uniform: () => number },
  parted: PartedTrials,
): ParameterDensities {
  const mixture = (trials: readonly TrainerParameters[]): ReturnType<typeof mixtureOf> =>
    mixtureOf(
      trials.flatMap(({ [name]: value }) => (typeof value === 'number' ? (positionOf(range, value) ?? []) : [])),
    );
  const good = mixture(parted.good);
  const others = mixture(parted.others);
  return {
    name,
    draw: () => valueAt(range, drawFrom(good, uniform(), uniform())),
    gainOf: (value) => {
      const room = roomOf(range, Number(value));
      return Math.log(densityAt(good, room) / densityAt(others, room));
    },
  };
}

function choiceDensities(
  { name, choices, uniform }: { name: string; choices: readonly ParameterValue[]; uniform: () => number },
  parted: PartedTrials,
): ParameterDensities {
  const shares = (trials: readonly TrainerParameters[]): number[] =>
    frequenciesOf(
      trials.flatMap(({ [name]: value }) => {
        const position = value === undefined ? -1 : choices.indexOf(value);
        return position < 0 ? [] : [position];
      }),
      choices.length,
    );
  const good = shares(parted.good);
  const others = shares(parted.others);
  return {
    name,
    draw: () => choices[pickFrom(good, uniform())] as ParameterValue,
    gainOf: (value) => {
      const position = choices.indexOf(value);
      return Math.log((good[position] as number) / (others[position] as number));
    },
  };
}
