/** The contract of `POST /v1/features/online`: which features of which entities, and how the answer says what it found. */
import { z } from 'zod';
import { FeatureStatus, FeatureType, FeatureValue } from './feature-view.js';
import { ViewReference } from './model.js';
import { ColumnName, Name } from './names.js';

/** Entities in one request. */
export const MAX_ONLINE_ROWS = 1_000;
const MAX_REFERENCES = 1_000;

const KeyValue = z.union([z.string(), z.number(), z.null()]);
const RequestValue = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const Column = <V extends z.ZodType>(value: V) => z.array(value).min(1).max(MAX_ONLINE_ROWS);

/** The features that one model version reads, in its order. Without a version or alias, those of the champion. */
export const FeatureServiceReference = z.strictObject({
  model: Name,
  version: z.number().int().positive().optional(),
  alias: Name.optional(),
});
export type FeatureServiceReference = z.infer<typeof FeatureServiceReference>;

export const OnlineFeaturesRequest = z
  .strictObject({
    /** `view:feature`, `view` for all of its features, or an object where a view is read by other keys under an alias. */
    features: z
      .array(z.union([z.string().min(1).max(200), ViewReference]))
      .min(1)
      .max(MAX_REFERENCES)
      .optional(),
    featureService: FeatureServiceReference.optional(),
    /** All features of one view. */
    view: Name.optional(),
    /** Entity key → one value for each row. A number is taken for a text key and digits for an integer key; null is nobody. */
    entities: z.record(z.string().max(100), Column(KeyValue)).default({}),
    /** In place of `entities`, with `view` only: the key of each row, its parts in the order that the entity declares. */
    keys: Column(z.array(KeyValue).max(4)).optional(),
    /** Request field → one value for each row, for features that are computed from the request. */
    request: z.record(z.string().max(100), Column(RequestValue)).default({}),
    /** `view__feature` in place of bare names. */
    fullNames: z.boolean().default(false),
    /** Microseconds or ISO 8601: answers as of then, from feature history. Left out, the answer is as of now. */
    asOf: z.union([z.number().int(), z.string().max(40)]).optional(),
    /** Rows that this process read longer ago are read again. Matters only where serving keeps a feature cache. */
    maxStaleMs: z.number().int().nonnegative().optional(),
  })
  .superRefine(({ features, featureService, view, keys, entities }, context) => {
    const ways = [features, featureService, view].filter((way) => way !== undefined).length;
    if (ways !== 1)
      context.addIssue({ code: 'custom', message: 'expected exactly one of `features`, `featureService` and `view`' });
    if (keys !== undefined && (view === undefined || Object.keys(entities).length > 0))
      context.addIssue({ code: 'custom', path: ['keys'], message: 'goes with `view` only, and without `entities`' });
    if (featureService?.version !== undefined && featureService.alias !== undefined)
      context.addIssue({
        code: 'custom',
        path: ['featureService'],
        message: 'expected a version or an alias, not both',
      });
  });
export type OnlineFeaturesRequest = z.infer<typeof OnlineFeaturesRequest>;

/** One feature for all rows. */
export const OnlineFeature = z.strictObject({
  name: ColumnName,
  type: FeatureType,
  /** Where it comes from: a view (by its alias, if it has one), the request, or the features it is computed from. */
  from: z.union([
    z.strictObject({ view: Name, feature: ColumnName }),
    z.strictObject({ request: ColumnName }),
    z.strictObject({ inputs: z.array(ColumnName) }),
  ]),
  /** Null unless PRESENT; computed features have a value wherever their expression has one. */
  values: z.array(FeatureValue),
  /** Of a computed feature the worst of its inputs. */
  statuses: z.array(FeatureStatus),
});
export type OnlineFeature = z.infer<typeof OnlineFeature>;

/** Times of the rows that a view's features come from; all features of a view come from one row. */
export const OnlineViewTimes = z.strictObject({
  view: Name,
  /** Microseconds; null where nothing was found. */
  eventTs: z.array(z.number().int().nullable()),
  knownTs: z.array(z.number().int().nullable()),
  /** `asOf − eventTs`. */
  ageMs: z.array(z.number().nullable()),
});
export type OnlineViewTimes = z.infer<typeof OnlineViewTimes>;

export const OnlineFeaturesAnswer = z.strictObject({
  /** Microseconds: the time as of which the features were read. */
  asOf: z.number().int(),
  /** `online` is the newest row of each entity, `history` what was known at `asOf`. */
  source: z.enum(['online', 'history']),
  rows: z.number().int(),
  /** The version whose features these are. */
  featureService: z.strictObject({ model: Name, version: z.number().int() }).optional(),
  features: z.array(OnlineFeature),
  views: z.array(OnlineViewTimes),
  /** How long ago the oldest of the rows was read, where a feature cache answered. */
  staleMs: z.number(),
});
export type OnlineFeaturesAnswer = z.infer<typeof OnlineFeaturesAnswer>;
