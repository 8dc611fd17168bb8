/** One result for each rule: what was seen, what was allowed, examples, and what would have passed. */
import type { Expectation, RuleAction } from '../../domain/expectations.js';
import { severityOf } from '../../domain/expectations.js';
import { type RuleResult, SAMPLE_CAP } from '../../domain/validation.js';
import { type BatchFinding, floorTo, plain } from './finding.js';
import type { RowRule } from './row-rules.js';

/** Found only for rules that something breaks. */
export interface Evidence {
  readonly samples: RuleResult['samples'];
  readonly offenders: RuleResult['offenders'];
  /** Of failing numbers. */
  readonly range: { readonly low: number; readonly high: number } | null;
  readonly query: string | null;
}

export const NO_EVIDENCE: Evidence = { samples: [], offenders: [], range: null, query: null };

export interface ResultContext {
  readonly ruleVersion: string;
  readonly evidence: Evidence;
  /** The rule's figure in the report of the segment before. */
  readonly previous: RuleResult['observed'];
}

const VERDICTS = { drop: 'quarantined', warn: 'warned', fail: 'failed' } as const satisfies Record<
  RuleAction,
  RuleResult['verdict']
>;

/** Of a row rule; `rows` are those that its `where` chose, `missing` those of them without a value in its column. */
export function rowResult(
  rule: RowRule,
  counts: { readonly rows: number; readonly failing: number; readonly missing: number | null },
  context: ResultContext,
): RuleResult {
  const { name, action, severity, mostly, threshold } = rule;
  const { rows, failing, missing } = counts;
  const share = rows === 0 ? 1 : 1 - failing / rows;
  const result = {
    name,
    ruleVersion: context.ruleVersion,
    level: 'row' as const,
    severity,
    action,
    verdict: rowVerdict(rule, { share, failing }),
    rows,
    missing,
    failing,
    failingPercent: percent(failing, rows),
    failingPercentOfGiven: missing === null ? null : percent(failing, rows - missing),
    observed: rule.evidence ? share : null,
    threshold: mostly > 0 && mostly < 1 ? `${threshold}, for >= ${mostly} of the rows` : threshold,
    samples: context.evidence.samples,
    offenders: context.evidence.offenders,
    query: context.evidence.query,
    mostDifferent: null,
    previous: context.previous,
    suggestion: failing === 0 ? null : rowSuggestion(rule, { share, evidence: context.evidence }),
  };
  return { ...result, message: rowMessage(result) };
}

function rowVerdict(
  { action, mostly, evidence }: RowRule,
  { share, failing }: { share: number; failing: number },
): RuleResult['verdict'] {
  if (!evidence) return 'no_evidence';
  if (action === 'drop') return share < mostly ? 'failed' : failing > 0 ? 'quarantined' : 'passed';
  return share < mostly ? VERDICTS[action] : 'passed';
}

function rowMessage(result: Omit<RuleResult, 'message'>): string {
  const { name, verdict, failing, rows, failingPercent, threshold, samples } = result;
  if (verdict === 'no_evidence') return `${name}: not judged, there is nothing to compare ${threshold} with`;
  if (failing === 0) return `${name}: all ${rows} rows pass`;
  const shown = samples
    .slice(0, 3)
    .map(({ value, count }) => (count === 1 ? shorten(value) : `${shorten(value)} (${count} times)`));
  const examples = shown.length === 0 ? '' : `, such as ${shown.join('; ')}`;
  return `${name}: ${failing} of ${rows} rows (${plain(failingPercent)} %) fail, expected ${threshold}${examples}`;
}

type Suggestion = RuleResult['suggestion'];

function rowSuggestion(rule: RowRule, seen: { share: number; evidence: Evidence }): Suggestion {
  const { declared, name, column, action, mostly } = rule;
  if (declared === null) {
    const isPresence = name.endsWith('-is-given');
    const path = `spec.columns[${column}].${isPresence ? 'nullable' : 'type'}`;
    return isPresence
      ? { path, from: false, to: true }
      : { path, from: rule.threshold.replace(/^an? /, ''), to: 'string' };
  }
  const { range, length, values } = declared;
  const own = `spec.expectations[${name}]`;
  const { low, high } = seen.evidence.range ?? {};
  if (range?.min !== undefined && low !== undefined && low <= range.min)
    return { path: `${own}.range.min`, from: range.min, to: low };
  if (range?.max !== undefined && high !== undefined && high >= range.max)
    return { path: `${own}.range.max`, from: range.max, to: high };
  if (length?.min !== undefined && low !== undefined && low < length.min)
    return { path: `${own}.length.min`, from: length.min, to: low };
  if (length?.max !== undefined && high !== undefined && high > length.max)
    return { path: `${own}.length.max`, from: length.max, to: high };
  if (values !== undefined && seen.evidence.samples.length < SAMPLE_CAP) {
    const added = seen.evidence.samples.map(({ value }) => listedAs(value, values.in[0]));
    if (!added.includes(null)) return { path: `${own}.values.in`, from: values.in, to: [...values.in, ...added] };
  }
  if (action === 'drop' && mostly <= seen.share) return { path: `${own}.action`, from: action, to: 'warn' };
  return { path: `${own}.mostly`, from: mostly, to: floorTo(seen.share) };
}

/** A value as a list has it beside another; null where its text does not tell, as with a date among microseconds. */
function listedAs(text: string, like: string | number | boolean | undefined): string | number | boolean | null {
  if (typeof like === 'string') return text;
  if (typeof like === 'boolean') return { true: true, false: false }[text.toLowerCase()] ?? null;
  const number = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(number) ? number : null;
}

/** Of a batch rule. */
export function batchResult(rule: Expectation, finding: BatchFinding, context: ResultContext): RuleResult {
  const { name, action } = rule;
  const {
    passes,
    rows,
    failing,
    observed,
    threshold,
    missing = null,
    mostDifferent = null,
    suggestion = null,
  } = finding;
  const verdict = passes === null ? 'no_evidence' : passes ? 'passed' : VERDICTS[action];
  return {
    name,
    ruleVersion: context.ruleVersion,
    level: 'batch',
    severity: severityOf(rule),
    action,
    verdict,
    rows,
    missing,
    failing,
    failingPercent: percent(failing, rows),
    failingPercentOfGiven: missing === null ? null : percent(failing, rows - missing),
    observed,
    threshold,
    samples: context.evidence.samples,
    offenders: context.evidence.offenders,
    query: context.evidence.query,
    mostDifferent,
    previous: finding.previous === undefined ? context.previous : finding.previous,
    suggestion: passes === false && suggestion !== null ? batchSuggestion(name, suggestion) : null,
    message: batchMessage(name, finding, context),
  };
}

function batchSuggestion(name: string, { member, from, to }: NonNullable<BatchFinding['suggestion']>): Suggestion {
  return { path: member === 'columns' ? 'spec.columns' : `spec.expectations[${name}].${member}`, from, to };
}

function batchMessage(name: string, finding: BatchFinding, { evidence, previous: reported }: ResultContext): string {
  const { passes, observed, threshold, label, failing, rows, mostDifferent } = finding;
  const seen = typeof observed === 'number' ? plain(observed) : observed;
  if (passes === null) {
    const why = typeof observed === 'string' ? observed : 'there is nothing to compare with';
    return `${name}: not judged, ${why} (${label}, expected ${threshold})`;
  }
  const previous = finding.previous === undefined ? reported : finding.previous;
  const before = previous === null ? '' : `, before ${typeof previous === 'number' ? plain(previous) : previous}`;
  if (passes) return `${name}: ${label} ${seen}, as expected (${threshold}${before})`;
  const examples = evidence.samples.slice(0, 3).map(({ value }) => shorten(value));
  const shown = examples.length === 0 ? '' : `, such as ${examples.join('; ')}`;
  const different = mostDifferent == null ? '' : `; most different ${mostDifferent}`;
  const found =
    failing > 0 ? `${failing} of ${rows} rows (${plain(percent(failing, rows))} %) fail` : `${label} ${seen}`;
  return `${name}: ${found}, expected ${threshold}${before}${shown}${different}`;
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : (part / whole) * 100;
}

function shorten(text: string): string {
  return text.length <= 120 ? text : `${text.slice(0, 119)}…`;
}
