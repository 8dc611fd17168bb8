/**
 * Expectations: what must hold of a source before it becomes part of a dataset. Row rules judge each row and can set it
 * aside; batch rules judge all rows together and can only warn or refuse the whole source.
 */
import { z } from 'zod';
import { Duration } from './duration.js';
import { ColumnName, Name } from './names.js';

const columns = z.array(ColumnName).min(1);
const pair = z.array(ColumnName).min(2).max(20);
const share = z.number().min(0).max(1);
const value = z.union([z.string(), z.number(), z.boolean()]);

export const COMPARISONS = ['<', '<=', '>', '>=', '==', '!='] as const;
export const STATISTICS = [
  'mean',
  'median',
  'quantile',
  'stddev',
  'sum',
  'min',
  'max',
  'entropy',
  'nulls',
  'distinct',
] as const;

export const JSON_TYPES = ['string', 'number', 'boolean', 'object', 'array'] as const;
/** Figures that a segment has in common with the ones before. */
export const TRACKED = ['rows', 'mean', 'stddev', 'sum', 'min', 'max', 'nulls', 'distinct'] as const;

/** Judge single rows. A row without the value passes: whether it must be there is the column's `nullable`. */
const rowRules = {
  /** True or null passes. */
  expression: z.string().min(1).max(2_000).optional(),
  /** NaN and infinite numbers fail. Elsewhere NaN counts as missing, and an infinite number as unreadable. */
  finite: z.strictObject({ column: ColumnName }).optional(),
  range: z
    .strictObject({
      column: ColumnName,
      min: z.number().optional(),
      max: z.number().optional(),
      exclusive: z.boolean().default(false),
    })
    .optional(),
  /** With `minDomainMass` it judges the batch: that share of the values must be among those listed. */
  values: z
    .strictObject({ column: ColumnName, in: z.array(value).min(1).max(1_000), minDomainMass: share.optional() })
    .optional(),
  /** RE2, found anywhere in the text; anchor it with `^` and `$`. */
  pattern: z.strictObject({ column: ColumnName, matches: z.string().min(1).max(500) }).optional(),
  /** Characters. */
  length: z
    .strictObject({ column: ColumnName, min: z.number().int().optional(), max: z.number().int().optional() })
    .optional(),
  /** As `strptime` writes it, such as `%Y-%m-%d`. */
  dateFormat: z.strictObject({ column: ColumnName, format: z.string().min(2).max(100) }).optional(),
  /** Text that is JSON; `members` by their path, such as `address.city`, must be there with the type. */
  json: z
    .strictObject({
      column: ColumnName,
      members: z
        .record(
          z
            .string()
            .regex(/^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/, 'expected a path such as address.city'),
          z.enum(JSON_TYPES),
        )
        .optional(),
    })
    .optional(),
  compare: z.strictObject({ left: ColumnName, is: z.enum(COMPARISONS), right: ColumnName }).optional(),
  pairs: z.strictObject({ columns: pair, in: z.array(z.array(value)).min(1).max(1_000) }).optional(),
  sumOf: z
    .strictObject({
      columns,
      equals: z.union([ColumnName, z.number()]),
      tolerance: z.number().nonnegative().default(0),
    })
    .optional(),
  /** No value may stand in two of these columns of a row. */
  differ: pair.optional(),
  /** The columns must stand in one row of another dataset's head. Without a version of that, nothing is judged. */
  references: z.strictObject({ columns, dataset: Name, to: columns }).optional(),
  /** No earlier than the event, and no later after it than this. */
  knownAfter: z.strictObject({ atMost: Duration.optional() }).optional(),
  /** No event later than the time of ingestion, plus this. */
  notFuture: z.strictObject({ column: ColumnName.optional(), skew: Duration.default('0s') }).optional(),
} as const;

/** Judge all rows that were not set aside, together. */
const batchRules = {
  /** `exact`: the declared columns and no others; `ordered`: also in that order; `noExtra`: none but declared ones. */
  columns: z.enum(['exact', 'ordered', 'noExtra']).optional(),
  present: z
    .strictObject({
      column: ColumnName,
      minFraction: share.default(0),
      minCount: z.number().int().nonnegative().default(0),
    })
    .optional(),
  unique: columns.optional(),
  /** No row repeats an earlier one in every column. */
  duplicates: z.strictObject({}).optional(),
  distinctRatio: z.strictObject({ column: ColumnName, min: share.optional(), max: share.optional() }).optional(),
  rows: z.strictObject({ min: z.number().int().optional(), max: z.number().int().optional() }).optional(),
  /** Relative difference to the rows of another dataset's head. */
  rowsMatch: z.strictObject({ dataset: Name, tolerance: z.number().nonnegative().default(0) }).optional(),
  aggregateMatch: z
    .strictObject({
      column: ColumnName,
      statistic: z.enum(['mean', 'sum', 'min', 'max']),
      dataset: Name,
      of: ColumnName,
      tolerance: z.number().nonnegative().default(0),
    })
    .optional(),
  aggregate: z
    .strictObject({
      column: ColumnName,
      statistic: z.enum(STATISTICS),
      q: share.default(0.5),
      min: z.number().optional(),
      max: z.number().optional(),
    })
    .optional(),
  /** Of two columns: Pearson's correlation, or mutual information in bits. */
  dependence: z
    .strictObject({
      columns: z.tuple([ColumnName, ColumnName]),
      statistic: z.enum(['correlation', 'mutual_information']),
      min: z.number().optional(),
      max: z.number().optional(),
    })
    .optional(),
  /** Age of the latest event at the time of ingestion. */
  freshness: z.strictObject({ column: ColumnName.optional(), maxAge: Duration }).optional(),
  /** Times never fall from row to row; `strictly` refuses equal ones as well. */
  monotone: z.strictObject({ column: ColumnName.optional(), strictly: z.boolean().default(false) }).optional(),
  /** The longest time without any row. */
  gaps: z.strictObject({ column: ColumnName.optional(), max: Duration }).optional(),
  /** To the same figure of the segment before: its ratio, or the difference. */
  change: z
    .strictObject({
      statistic: z.enum(TRACKED),
      column: ColumnName.optional(),
      as: z.enum(['ratio', 'difference']).default('ratio'),
      min: z.number().optional(),
      max: z.number().optional(),
    })
    .optional(),
  /** No further from the mean of the same figure over the last segments than so many standard deviations of it. */
  usual: z
    .strictObject({
      statistic: z.enum(TRACKED),
      column: ColumnName.optional(),
      segments: z.number().int().min(3).max(100).default(10),
      deviations: z.number().positive().default(3),
    })
    .optional(),
  /**
   * Near what additive Holt-Winters smoothing foresees from the same figure of the last `periods` seasons of segments: no
   * further off than so many times its usual error. Needs two seasons.
   */
  seasonal: z
    .strictObject({
      statistic: z.enum(TRACKED),
      column: ColumnName.optional(),
      /** Segments in one season, such as 7 for one a day. */
      period: z.number().int().min(2).max(31),
      periods: z.number().int().min(2).max(10).default(4),
      /** Weights of the newest figure. */
      level: share.default(0.3),
      trend: share.default(0.1),
      season: share.default(0.1),
      errors: z.number().positive().default(3),
    })
    .optional(),
  /** To the last segment, or to all rows of the head. `max` is a bound of the distance; without it ks and chi_square use `alpha`. */
  distribution: z
    .strictObject({
      column: ColumnName,
      distance: z.enum(['psi', 'js', 'linf', 'ks', 'chi_square']),
      max: z.number().nonnegative().optional(),
      alpha: z.number().positive().max(0.5).default(0.001),
      against: z.enum(['previous', 'head']).default('previous'),
    })
    .optional(),
  /** One SELECT over `source` that must find nothing. */
  sql: z.string().min(1).max(10_000).optional(),
} as const;

export const ROW_RULES = Object.keys(rowRules) as (keyof typeof rowRules)[];
export const BATCH_RULES = Object.keys(batchRules) as (keyof typeof batchRules)[];
export type RuleKind = keyof typeof rowRules | keyof typeof batchRules;

/** Compare with rows that no condition chose. */
const WITHOUT_WHERE = ['columns', 'change', 'usual', 'seasonal', 'distribution', 'sql'] as const satisfies RuleKind[];
/** Batch rules that count failing rows; the others look at one figure. */
const COUNTING = ['unique', 'duplicates', 'monotone', 'sql'] as const satisfies RuleKind[];

export const Severity = z.enum(['info', 'warning', 'error']);
export type Severity = z.infer<typeof Severity>;
export const RuleAction = z.enum(['warn', 'drop', 'fail']);
export type RuleAction = z.infer<typeof RuleAction>;

export const Expectation = z
  .strictObject({
    name: Name,
    ...rowRules,
    ...batchRules,
    /** Row expression: only rows for which it is true are judged. */
    where: z.string().min(1).max(2_000).optional(),
    /**
     * Share of the judged rows that must pass; all of them by default. With `drop` failing rows are set aside in any
     * case, and fewer passing ones than this refuse the source as well; none have to by default.
     */
    mostly: share.optional(),
    /** By default `error` for `fail`, otherwise `warning`. */
    severity: Severity.optional(),
    /** `drop` sets failing rows aside into quarantine, `fail` refuses the whole source. */
    action: RuleAction,
    description: z.string().max(2_000).optional(),
  })
  .refine((rule) => kindsOf(rule).length === 1, `give exactly one rule: ${[...ROW_RULES, ...BATCH_RULES].join(', ')}`)
  .refine((rule) => rule.action !== 'drop' || isRowRule(rule), 'the rule judges the batch: use warn or fail')
  .refine((rule) => rule.where === undefined || !WITHOUT_WHERE.some((kind) => rule[kind] !== undefined), {
    error: `\`where\` has no meaning for ${WITHOUT_WHERE.join(', ')}`,
  })
  .refine((rule) => rule.mostly === undefined || isShareRule(rule), {
    error: '`mostly` has no meaning for a rule over one figure: give its bounds instead',
  });
export type Expectation = z.infer<typeof Expectation>;

function kindsOf(rule: object): RuleKind[] {
  return [...ROW_RULES, ...BATCH_RULES].filter((kind) => Reflect.get(rule, kind) !== undefined);
}

/** The one rule that an expectation holds. */
export function kindOf(rule: Expectation): RuleKind {
  return kindsOf(rule)[0] ?? 'expression';
}

/** True where failing rows can be named one by one. */
export function isRowRule(rule: object): boolean {
  const [kind] = kindsOf(rule);
  const values: unknown = Reflect.get(rule, 'values');
  const isShare = typeof values === 'object' && values !== null && Reflect.get(values, 'minDomainMass') !== undefined;
  return ROW_RULES.some((each) => each === kind) && !isShare;
}

/** True where a share of rows passes. */
function isShareRule(rule: object): boolean {
  return isRowRule(rule) || COUNTING.some((kind) => kind === kindsOf(rule)[0]);
}

export function severityOf({ severity, action }: Pick<Expectation, 'severity' | 'action'>): Severity {
  return severity ?? (action === 'fail' ? 'error' : 'warning');
}

/** Columns of the dataset itself that a rule names outside of expressions. */
export function columnsOf(rule: Expectation): string[] {
  const { sumOf } = rule;
  const bodies = [...ROW_RULES, ...BATCH_RULES].map((kind) => rule[kind]);
  const named = bodies.flatMap((body) => {
    if (Array.isArray(body)) return body;
    if (typeof body !== 'object') return [];
    const single = ['column', 'left', 'right'].map((member): unknown => Reflect.get(body, member));
    const many: unknown = Reflect.get(body, 'columns');
    return [...single, ...(Array.isArray(many) ? many : [])];
  });
  if (typeof sumOf?.equals === 'string') named.push(sumOf.equals);
  return named.filter((name) => typeof name === 'string');
}

/** How many of the last segments a rule looks back to. */
export function segmentsBefore({ usual, seasonal }: Expectation): number {
  return seasonal === undefined ? (usual?.segments ?? 1) : seasonal.period * seasonal.periods;
}

/** Other datasets that a rule reads the head of. */
export function datasetsOf(rule: Expectation): string[] {
  const bodies = [rule.rowsMatch, rule.references, rule.aggregateMatch];
  return bodies.flatMap((body) => (body === undefined ? [] : [body.dataset]));
}
