/** What became of a change: one verdict for each dataset and each model, and one for all. */
import type { Evidence } from '../../domain/evaluation.js';
import type { ModelCard } from '../../domain/model-card.js';
import type { Pipeline } from '../../domain/pipeline.js';
import type { RuleResult } from '../../domain/validation.js';

/**
 * `refused`: by a rule over data, a gate, or what follows. `undecided`: nothing can be said, as after an error or where
 * waiting ended. `started`: nobody waited. `skipped`: nothing was asked.
 */
export type CiOutcome = 'passed' | 'refused' | 'undecided' | 'started' | 'skipped';

export interface AppliedResource {
  readonly kind: string;
  readonly name: string;
  readonly revision: number;
  readonly change: 'created' | 'changed' | 'unchanged';
}

export interface DataVerdict {
  readonly dataset: string;
  readonly outcome: CiOutcome;
  /** What was judged, such as the address of a source; null where there was nothing. */
  readonly source: string | null;
  readonly ingestionId: string | null;
  readonly rows: number;
  readonly quarantined: number;
  readonly rules: readonly RuleResult[];
  readonly reasons: readonly string[];
}

export interface ModelVerdict {
  readonly model: string;
  readonly outcome: CiOutcome;
  readonly pipelineId: string | null;
  readonly stage: string | null;
  readonly version: number | null;
  readonly reasons: readonly string[];
  /** Null before the candidate was evaluated. */
  readonly evidence: Evidence | null;
  readonly card: ModelCard | null;
}

export interface CiReport {
  readonly codeRevision: string;
  readonly outcome: CiOutcome;
  /** Why the documents were refused, all of them; empty where they were applied. */
  readonly reasons: readonly string[];
  readonly applied: readonly AppliedResource[];
  readonly data: readonly DataVerdict[];
  readonly models: readonly ModelVerdict[];
}

/** A model of which no pipeline is known. */
export function withoutPipeline(model: string, outcome: CiOutcome, reason: string): ModelVerdict {
  const nothing = { pipelineId: null, stage: null, version: null, evidence: null, card: null };
  return { model, outcome, reasons: [reason], ...nothing };
}

/**
 * The verdict on the code: a candidate that gates let pass and that serving answers from has passed, whatever becomes of
 * it afterwards by newer versions. Null while the pipeline is on its way there.
 */
export function outcomeOf({ stage, outcome }: Pick<Pipeline, 'stage' | 'outcome'>): CiOutcome | null {
  if (stage === 'awaiting_approval' || stage === 'rollout') return 'passed';
  if (outcome === 'running') return null;
  if (outcome === 'promoted' || outcome === 'superseded') return 'passed';
  return ['failed', 'cancelled', 'lost'].includes(outcome) ? 'undecided' : 'refused';
}

/** A refusal weighs most, then what could not be decided. */
export function overall(parts: readonly { readonly outcome: CiOutcome }[]): CiOutcome {
  const has = (outcome: CiOutcome): boolean => parts.some((part) => part.outcome === outcome);
  return (['refused', 'undecided', 'started'] as const).find(has) ?? 'passed';
}
