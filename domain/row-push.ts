/** Feature rows that are pushed instead of computed: what callers send, and what is kept. */
import { z } from 'zod';
import { FeatureValue } from './feature-view.js';

/** At most so many rows in one push; their numbers leave room for as many. */
export const ROWS_PER_PUSH = 1_000;

/** Where pushed rows go: to online reads at once, to history with the next materialisation, or both. */
export const PushTarget = z.enum(['online', 'offline', 'both']);
export type PushTarget = z.infer<typeof PushTarget>;

/** A row as it is kept: keys in the order of the entity, features in their types. */
export const PushedRow = z.strictObject({
  keys: z.array(z.union([z.string(), z.number()])),
  eventTs: z.number().int(),
  deleted: z.boolean(),
  values: z.record(z.string(), FeatureValue),
});
export type PushedRow = z.infer<typeof PushedRow>;

/** A kept row with its place among all pushes of its view, which ranks it among rows of the same times. */
export interface PlacedRow {
  /** Number of the push. */
  readonly push: number;
  /** Of the row within the push, from 0. */
  readonly index: number;
  /** When the platform took the row in, microseconds. */
  readonly receivedTs: number;
  readonly row: PushedRow;
}

/** A row as a caller sends it. */
export const SentRow = z.strictObject({
  /** By name; left out for a view without entity. */
  keys: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  /** Microseconds. */
  eventTs: z.number().int(),
  /** Features that are left out are null. */
  values: z.record(z.string(), FeatureValue).default({}),
  /** The entity reads as missing from the event time on. */
  deleted: z.boolean().default(false),
});
export type SentRow = z.infer<typeof SentRow>;

/** What a caller is told. */
export interface PushAnswer {
  readonly view: string;
  readonly pushId: string;
  readonly to: PushTarget;
  readonly rows: number;
  /** From when on the rows count, microseconds: when they were taken in, plus the view's `servingDelay`. */
  readonly knownTs: number;
}
