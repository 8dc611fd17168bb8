/** Entities and feature views: values computed once from a dataset and read alike by training and serving. */
import { z } from 'zod';
import { Duration, durationMicros } from './duration.js';
import { DomainError } from './errors.js';
import { ColumnName, Name } from './names.js';

export const EntityKey = z.strictObject({ name: ColumnName, type: z.enum(['string', 'integer']) });
export type EntityKey = z.infer<typeof EntityKey>;

export const EntitySpec = z.strictObject({
  keys: z.array(EntityKey).min(1).max(4),
  description: z.string().optional(),
});
export type EntitySpec = z.infer<typeof EntitySpec>;

/** How a feature is kept: `float` is 32 bits wide, `double` 64, `timestamp` microseconds UTC. */
export const FeatureType = z.enum(['float', 'double', 'integer', 'string', 'boolean', 'timestamp']);
export type FeatureType = z.infer<typeof FeatureType>;

/** A feature as it is read: a 32-bit float is the number that it stands for, a timestamp microseconds UTC. */
export const FeatureValue = z.union([z.number(), z.string(), z.boolean(), z.null()]);
export type FeatureValue = z.infer<typeof FeatureValue>;

/** An expression over single rows of the dataset: its value holds from the row's event time on. */
export const RowFeature = z.strictObject({
  name: ColumnName,
  expression: z.string().min(1),
  /** `float` for numbers, otherwise the type of the expression. */
  type: FeatureType.optional(),
});
export type RowFeature = z.infer<typeof RowFeature>;

/** An aggregate over the rows of one key whose event time lies in `[cut − lag − window, cut − lag)`. Kept as `float`. */
export const WindowedFeature = z.strictObject({
  name: ColumnName,
  /**
   * `rate` is the share of rows for which the expression is true, `stddev` that of the population, `last` the value of
   * the newest row, `distinct` the number of different values; `count` needs no expression.
   */
  aggregate: z.enum(['count', 'sum', 'avg', 'min', 'max', 'stddev', 'rate', 'last', 'distinct']),
  expression: z.string().min(1).optional(),
  window: Duration,
});
export type WindowedFeature = z.infer<typeof WindowedFeature>;

/** Columns of feature rows beside keys and features; no key or feature may be called like one of them. */
export const FEATURE_ROW_COLUMNS = ['event_ts', 'known_ts', 'seq', 'deleted'] as const;

/** Windows beyond this many cuts would make a row for every one of them. */
const MAX_CUTS_PER_WINDOW = 100_000;

export const FeatureViewSpec = z
  .strictObject({
    dataset: Name,
    /** Whose features these are; left out for values that hold for everybody. */
    entity: Name.optional(),
    /** Entity key → column of the dataset. */
    keys: z.record(ColumnName, ColumnName).default({}),
    features: z.array(z.union([WindowedFeature, RowFeature])).min(1),
    /** When windows are computed: every `every`, at `offset` after a multiple of it (UTC). Only for windowed features. */
    cuts: z.strictObject({ every: Duration, offset: Duration.default('0s') }).optional(),
    /** How far before the cut the windows end, for data that becomes known late. */
    lag: Duration.default('0s'),
    /** A row of the dataset for which this is true deletes the entity from its event time on. Only for row features. */
    deletes: z.string().min(1).optional(),
    /** Time until a computed row can be served; added to `known_ts`. */
    servingDelay: Duration.default('0s'),
    /** Brings the view up to now whenever its dataset has a new version; by hand only, where it is left out. */
    materialize: z.strictObject({ on: z.literal('commit') }).optional(),
    /** A row older than this at request time reads as missing, offline and online alike. */
    maxAge: Duration.optional(),
  })
  .superRefine((view, context) => {
    const problem = shapeProblem(view);
    if (problem !== null) context.addIssue({ code: 'custom', ...problem });
  });
export type FeatureViewSpec = z.infer<typeof FeatureViewSpec>;

export type Cuts = NonNullable<FeatureViewSpec['cuts']>;

/** A view whose features are aggregates at cuts. */
export type WindowedView = Omit<FeatureViewSpec, 'cuts' | 'features'> & { cuts: Cuts; features: WindowedFeature[] };

export function isWindowedFeature(feature: WindowedFeature | RowFeature): feature is WindowedFeature {
  return 'aggregate' in feature;
}

export function isWindowedView(view: FeatureViewSpec): view is WindowedView {
  return view.cuts !== undefined && view.features.every(isWindowedFeature);
}

/** For what only aggregates have, such as cuts. Throws `PRN_RESOURCE_INVALID`. */
export function requireWindowedView(name: string, view: FeatureViewSpec): WindowedView {
  if (isWindowedView(view)) return view;
  throw new DomainError('PRN_RESOURCE_INVALID', {
    where: `FeatureView ${name}`,
    problem: 'its features are row expressions, which have no cuts',
    remedy: 'Give it aggregates and `cuts`.',
  });
}

/** Largest window of a view in microseconds: how far back a cut reads. */
export function longestWindowMicros(view: Pick<WindowedView, 'features'>): number {
  return Math.max(...view.features.map((feature) => durationMicros(feature.window)));
}

interface Shape {
  readonly features: readonly (WindowedFeature | RowFeature)[];
  readonly keys: Readonly<Record<string, string>>;
  readonly cuts?: Cuts | undefined;
  readonly deletes?: string | undefined;
}

function shapeProblem(view: Shape): { message: string; path: string[] } | null {
  const { features, keys, cuts, deletes } = view;
  const windowed = features.filter(isWindowedFeature);
  if (windowed.length > 0 && windowed.length < features.length)
    return { path: ['features'], message: 'a view has either aggregates or row expressions; make two views of it' };
  if (windowed.length > 0 && cuts === undefined)
    return { path: ['cuts'], message: 'aggregates need `cuts`: when they are computed, such as { every: 1d }' };
  if (windowed.length === 0 && cuts !== undefined)
    return { path: ['cuts'], message: 'row expressions hold from each row on and take no `cuts`' };
  if (windowed.length > 0 && deletes !== undefined)
    return { path: ['deletes'], message: 'only row expressions can be deleted; filter in the expression instead' };
  const bare = windowed.find(({ aggregate, expression }) => aggregate !== 'count' && expression === undefined);
  if (bare !== undefined)
    return {
      path: ['features'],
      message: `${bare.name}: ${bare.aggregate} has nothing to aggregate; add an expression`,
    };
  const repeated = repeatedName([...FEATURE_ROW_COLUMNS, ...Object.keys(keys), ...features.map(({ name }) => name)]);
  if (repeated !== undefined)
    return { path: ['features'], message: `two columns would be called ${repeated}; name features and keys apart` };
  return cuts === undefined ? null : cutsProblem(cuts, windowed);
}

function cutsProblem(
  { every }: Cuts,
  features: readonly WindowedFeature[],
): { message: string; path: string[] } | null {
  const step = durationMicros(every);
  if (step === 0) return { path: ['cuts', 'every'], message: 'must be longer than nothing' };
  for (const { name, window } of features) {
    const length = durationMicros(window);
    if (length === 0) return { path: ['features'], message: `${name}: the window must be longer than nothing` };
    if (length / step > MAX_CUTS_PER_WINDOW)
      return { path: ['features'], message: `${name}: a window of ${window} spans too many cuts of ${every}` };
  }
  return null;
}

/** Column names that differ in case only are one to the table engine. */
function repeatedName(names: readonly string[]): string | undefined {
  const lower = names.map((name) => name.toLowerCase());
  return names.find((_name, index) => lower.indexOf(lower[index] ?? '') < index);
}

/** Status of a served feature value, told apart so that callers need not guess. */
export const FeatureStatus = z.enum(['PRESENT', 'NULL_VALUE', 'NOT_FOUND', 'OUTSIDE_MAX_AGE']);
export type FeatureStatus = z.infer<typeof FeatureStatus>;
