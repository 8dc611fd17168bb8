/** From what was seen to the result of a gate: numbers, verdict, and a sentence a person can act on. */
import {
  type BoundGate,
  type BuiltInGate,
  type ComparisonGate,
  type Gate,
  type GateResult,
  judgedRange,
  MIN_BLOCKS,
  nameOfGate,
  type Observation,
  SHOWN_CONFIDENCE,
  type SliceGate,
  verdictOf,
} from './gates.js';
import { directionOf } from './metrics.js';

/** Longest value of a slice in an explanation, in UTF-16 units. */
const LONGEST_VALUE = 80;

type Judged = Omit<GateResult, 'verdict' | 'name'>;

/** `observation` is the improvement over the other model; null where there is nothing to compare with: no champion yet. */
export function judgeComparison(gate: ComparisonGate, observation: Observation | null): GateResult {
  const name = nameOfGate(gate);
  const threshold = gate.minImprovement ?? -(gate.nonInferiorityMargin ?? 0);
  if (observation === null)
    return closed({
      gate,
      ...NOTHING_SEEN,
      threshold,
      state: 'not_applicable',
      explanation: `${name}: there is no champion yet`,
    });
  const seen = fieldsOf(gate, observation);
  if (seen.state === 'no_evidence') return closed({ gate, ...seen, threshold, explanation: tooFew(gate, observation) });
  const { lower, estimate } = observation;
  const passed = verdictOf({ gate, ...seen, threshold }) === 'passed';
  const explanation =
    `${name}: improvement ${signed(estimate)}, at least ${signed(lower)} with ${percent(gate.confidence)} confidence over ${counted(observation)}; ` +
    `the ${gate.confidence === undefined ? 'estimate' : 'bound'} is ${passed ? 'above' : 'not above'} ${signed(threshold)}`;
  return closed({ gate, ...seen, threshold, explanation });
}

/** Without a confidence the estimate is judged, even where there is too little for an interval. */
export function judgeBound(gate: BoundGate, observation: Observation): GateResult {
  const seen = fieldsOf(gate, observation);
  const threshold = violated(gate, seen);
  if (seen.state === 'no_evidence') return closed({ gate, ...seen, threshold, explanation: tooFew(gate, observation) });
  return closed({
    gate,
    ...seen,
    threshold,
    explanation: `${gate.metric} is ${shown(gate, seen)}, asked for ${boundsOf(gate)}`,
  });
}

/** One value of a sliced column, as it was seen. */
export interface SlicedObservation extends Observation {
  readonly value: string;
}

/**
 * `slices` are those with enough rows; `skipped` counts the others. The one nearest to failing stands for all. Where none
 * fails, one that cannot be judged does: it may hide the worst of them.
 */
export function judgeSlices(gate: SliceGate, slices: readonly SlicedObservation[], skipped: number): GateResult {
  const name = nameOfGate(gate);
  const threshold = gate.min ?? gate.max ?? null;
  const judged = slices.map((slice) => ({ slice, seen: fieldsOf(gate, slice) }));
  const unknown = judged.filter(({ seen }) => seen.state === 'no_evidence');
  const worst = worstOf(gate, judged);
  const fails = worst !== undefined && verdictOf({ gate, ...worst.seen, threshold }) === 'failed';
  const decisive = fails ? worst : (unknown[0] ?? worst);
  if (decisive === undefined)
    return closed({
      gate,
      ...NOTHING_SEEN,
      threshold,
      state: 'no_evidence',
      explanation: `${name}: none of ${skipped} values has ${gate.minRows} rows and enough to judge by`,
    });
  const { slice, seen } = decisive;
  if (decisive !== worst) {
    const explanation = `${unjudgedSlices(gate, unknown)}; only values with fewer than ${gate.minRows} rows are left out`;
    return closed({ gate, ...seen, threshold, slice: slice.value, explanation });
  }
  const explanation =
    `${gate.metric} is ${shown(gate, seen)} where ${gate.slice} is ${cut(slice.value)} (${slice.rows} rows), the worst of ${slices.length - unknown.length} values judged, ` +
    `${skipped} with fewer than ${gate.minRows} rows were not; asked for ${boundsOf(gate)}` +
    (unknown.length === 0 ? '' : `; ${unjudgedSlices(gate, unknown)}`);
  return closed({ gate, ...seen, threshold, slice: slice.value, explanation });
}

/** Values that an explanation names; of more it says how many. */
const NAMED_SLICES = 3;

function unjudgedSlices(gate: SliceGate, unknown: readonly { readonly slice: SlicedObservation }[]): string {
  const named = unknown
    .slice(0, NAMED_SLICES)
    .map(({ slice }) => `${cut(slice.value)} (${slice.rows} rows, ${counted(slice)})`);
  const more = unknown.length > NAMED_SLICES ? [`${unknown.length - NAMED_SLICES} more`] : [];
  return `${gate.metric} cannot be judged where ${gate.slice} is ${[...named, ...more].join(' or ')}`;
}

/** The greatest violation, or what comes nearest to one, among those with evidence. */
function worstOf<T extends { readonly seen: Seen }>(gate: SliceGate, judged: readonly T[]): T | undefined {
  const badness = ({ seen }: T): number => {
    const range = seen.state === 'ok' ? judgedRange(gate, seen) : null;
    if (range === null) return Number.NEGATIVE_INFINITY;
    return gate.max !== undefined ? range.most : -range.least;
  };
  const seen = judged.filter((each) => badness(each) !== Number.NEGATIVE_INFINITY);
  return seen.reduce<T | undefined>(
    (worst, each) => (worst === undefined || badness(each) > badness(worst) ? each : worst),
    undefined,
  );
}

/** `found` counts what must not be there; `explanation` says what it is. */
export function judgeBuiltIn(
  gate: BuiltInGate,
  seen: { readonly found: number; readonly rows: number; readonly explanation: string },
): GateResult {
  return closed({
    gate,
    state: 'ok',
    observed: seen.found,
    interval: null,
    threshold: 0,
    rows: seen.rows,
    blocks: 0,
    explanation: `${nameOfGate(gate)}: ${seen.explanation}`,
  });
}

const NOTHING_SEEN = { observed: null, interval: null, rows: 0, blocks: 0 } as const;

type Seen = Pick<GateResult, 'state' | 'observed' | 'interval' | 'rows' | 'blocks'>;

/** The numbers of a result: absolute ones for metrics whose best value is zero. */
function fieldsOf(gate: Gate, { estimate, lower, upper, rows, blocks }: Observation): Seen {
  const byMagnitude = !('against' in gate) && directionOf(gate.metric) === 'magnitude';
  const confidence = gate.confidence ?? SHOWN_CONFIDENCE;
  const hasBounds = Number.isFinite(lower) && Number.isFinite(upper);
  // The magnitude lies below both one-sided bounds where both do: two one-sided tests.
  const bounds = byMagnitude
    ? {
        lower: lower <= 0 && upper >= 0 ? 0 : Math.min(Math.abs(lower), Math.abs(upper)),
        upper: Math.max(Math.abs(lower), Math.abs(upper)),
      }
    : { lower, upper };
  const needsBounds = gate.confidence !== undefined || 'against' in gate;
  const isUsable = Number.isFinite(estimate) && (hasBounds || !needsBounds);
  return {
    state: isUsable ? 'ok' : 'no_evidence',
    observed: Number.isFinite(estimate) ? (byMagnitude ? Math.abs(estimate) : estimate) : null,
    interval: hasBounds ? { ...bounds, confidence } : null,
    rows,
    blocks,
  };
}

function closed(judged: Judged): GateResult {
  return { ...judged, name: nameOfGate(judged.gate), verdict: verdictOf(judged) };
}

/** The bound that was broken, or the one there is. */
function violated(gate: BoundGate, seen: Seen): number | null {
  const range = judgedRange(gate, seen);
  const tooLow = gate.min !== undefined && range !== null && range.least < gate.min;
  return (tooLow ? gate.min : gate.max) ?? gate.min ?? null;
}

/** Values of columns may be of any length, and explanations travel in messages. */
function cut(text: string): string {
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE - 1)}…` : text;
}

function counted({ blocks, unit }: Observation): string {
  return `${blocks} ${unit}${blocks === 1 ? '' : 's'}`;
}

function tooFew(gate: Gate, observation: Observation): string {
  const [name, seen] = [nameOfGate(gate), `${counted(observation)} (${observation.rows} rows)`];
  if (observation.blocks < MIN_BLOCKS)
    return `${name}: ${seen} are too few to judge by, at least ${MIN_BLOCKS} are needed`;
  if (!Number.isFinite(observation.estimate))
    return `${name}: not defined on these ${seen}, such as where one outcome is missing`;
  return (
    `${name}: ${seen} and the resamples are too few for a bound with ${percent(gate.confidence)} confidence, ` +
    'or leave the metric without a value too often; raise evaluation.resamples, or ask for less confidence'
  );
}

function boundsOf({
  min,
  max,
  confidence,
}: {
  min?: number | undefined;
  max?: number | undefined;
  confidence?: number | undefined;
}): string {
  const bounds = [min === undefined ? '' : `at least ${min}`, max === undefined ? '' : `at most ${max}`];
  const surely = confidence === undefined ? '' : ` with ${percent(confidence)} confidence`;
  return `${bounds.filter((text) => text !== '').join(' and ')}${surely}`;
}

function shown(gate: BoundGate | SliceGate, { observed, interval }: Seen): string {
  const value = observed === null ? 'not defined' : observed.toFixed(4);
  if (interval === null || gate.confidence === undefined) return value;
  return `${value} (${interval.lower.toFixed(4)} to ${interval.upper.toFixed(4)})`;
}

function percent(confidence: number | undefined): string {
  return `${Number(((confidence ?? SHOWN_CONFIDENCE) * 100).toFixed(3))} %`;
}

function signed(value: number): string {
  return `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(4)}`;
}
