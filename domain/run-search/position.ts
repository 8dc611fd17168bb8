/** Where a run stands in an order: what a page token holds, so that runs that come or go shift nothing. */
import { z } from 'zod';
import { MetricValue } from '../tracking.js';

/** Groups of a field in order: runs that have it, that have NaN, and that lack it. */
export const PLACE_GROUPS = { present: 0, notANumber: 1, missing: 2 } as const;
export const PlaceGroup = z.literal([0, 1, 2]);
export type PlaceGroup = z.infer<typeof PlaceGroup>;

export const Position = z.strictObject({
  /** One for each field of the order; values only of runs that have the field. */
  places: z.array(z.strictObject({ group: PlaceGroup, value: z.union([z.string(), z.number()]).optional() })),
  startTs: z.number().int(),
  runId: z.string(),
});
export type Position = z.infer<typeof Position>;

/** A position of one search, named by its digest. */
export const PageToken = z.strictObject({ search: z.string(), position: Position });
export type PageToken = z.infer<typeof PageToken>;

/** The value of a place of a field that holds numbers. */
export function placeNumber(value: string | number | undefined): number {
  return Number(MetricValue.safeParse(value).data ?? Number.NaN);
}
