/** What validation says about a source: one result for each rule, with what was seen, what was allowed, and examples. */
import { z } from 'zod';
import { RuleAction, Severity } from './expectations.js';

/** Most examples that a result names; the query finds all. */
export const SAMPLE_CAP = 20;

const count = z.number().int().nonnegative();
const figure = z.union([z.number(), z.string()]).nullable();

export const RuleResult = z.strictObject({
  name: z.string(),
  /** Digest of the rule, so that results of different wordings are told apart; the name for rules of the schema. */
  ruleVersion: z.string(),
  /** `row` rules name the rows that fail, `batch` rules judge all together. */
  level: z.enum(['row', 'batch']),
  severity: Severity,
  action: RuleAction,
  /** `no_evidence`: nothing to compare with, or nobody said when; never a reason to refuse. */
  verdict: z.enum(['passed', 'warned', 'quarantined', 'failed', 'no_evidence']),
  /** Rows the rule looked at: all, or those that its `where` chose. */
  rows: count,
  /** Of them without a value in the rule's column; null where it has no one column. */
  missing: count.nullable(),
  failing: count,
  /** Failing rows, percent of all looked at and of those with a value. */
  failingPercent: z.number(),
  failingPercentOfGiven: z.number().nullable(),
  /** Of row rules the share of rows that pass, otherwise the figure that was compared. */
  observed: figure,
  threshold: z.string(),
  /** The most frequent offending values as text, at most {@link SAMPLE_CAP}. */
  samples: z.array(z.strictObject({ value: z.string(), count })),
  /** The first offending rows, at most {@link SAMPLE_CAP}: their number in the source and the values of their keys. */
  offenders: z.array(z.strictObject({ row: count, key: z.string() })),
  /** Finds all offenders; `segment` and `quarantine` are the tables of the segment, `source` all rows read. */
  query: z.string().nullable(),
  /** For distances: the value or bin that differs most. */
  mostDifferent: z.string().nullable(),
  /** The same figure of the segment before. */
  previous: figure,
  /** A change of the resource under which the rule would have passed. It is a proposal: the data may be wrong instead. */
  suggestion: z.strictObject({ path: z.string(), from: z.unknown(), to: z.unknown() }).nullable(),
  message: z.string(),
});
export type RuleResult = z.infer<typeof RuleResult>;

export const ValidationReport = z.strictObject({
  outcome: z.enum(['accepted', 'refused']),
  rows: count,
  quarantined: count,
  /** The worst severity among the broken rules. */
  severity: Severity.nullable(),
  failures: z.array(z.string()),
  warnings: z.array(z.string()),
  rules: z.array(RuleResult),
  /** Examples are cut off here. */
  sampleCap: count,
});
export type ValidationReport = z.infer<typeof ValidationReport>;
