/** Endpoints: stable serving names, the routes from them to versions, and who may change those routes. */
import { z } from 'zod';
import { Duration } from './duration.js';
import { ColumnName, Name } from './names.js';

export const EndpointSpec = z.strictObject({
  /** `event`: windows, label delay, cooldown, rollout steps and bake advance by watermark (replays, back-tests, demos). */
  clock: z.enum(['wall', 'event']).default('wall'),
  allowedLateness: Duration.default('0s'),
  /** Without traffic the watermark is now minus this. */
  idleAfter: Duration.default('10m'),
  /** Request field whose value decides routing; without it each request row is its own unit. */
  unit: ColumnName.optional(),
  /** Share of the answered rows whose features are recomputed from history when their window is sealed. */
  featureCheck: z
    .strictObject({
      share: z.number().min(0).max(1).default(0.01),
      /** How long after a row was known an older one may still be served; later it is an alert, on a wall clock. */
      maxPublicationDelay: Duration.default('1h'),
    })
    .prefault({}),
});
export type EndpointSpec = z.infer<typeof EndpointSpec>;

export const Route = z.strictObject({ version: z.number().int().positive(), weight: z.number().min(0).max(100) });
export type Route = z.infer<typeof Route>;

/**
 * The traffic of an endpoint as one immutable revision. Weights add up to 100 (or there are no routes yet). Versions in
 * `shadow` score every row that another version serves, so that both can be compared on the same rows.
 */
export const EndpointRoutes = z
  .strictObject({
    rev: z.number().int().nonnegative(),
    model: Name.nullable(),
    routes: z.array(Route),
    shadow: z.array(z.number().int().positive()),
    /** Versions that may be asked for by `/versions/{v}` although no route leads to them (staging checks). */
    staged: z.array(z.number().int().positive()),
    /** Salt of the stable hash that assigns units to routes; kept for a whole rollout so that ramps never move a unit back. */
    salt: z.string(),
  })
  .refine(
    ({ routes }) => routes.length === 0 || Math.abs(routes.reduce((sum, route) => sum + route.weight, 0) - 100) < 1e-9,
    {
      message: 'the weights of the routes must add up to 100',
    },
  );
export type EndpointRoutes = z.infer<typeof EndpointRoutes>;

/** The workflow that may change routes; each acquisition raises the epoch, each write is filtered by it. */
export const EndpointController = z.strictObject({ workflowId: z.string(), epoch: z.number().int().positive() });
export type EndpointController = z.infer<typeof EndpointController>;

export const EndpointState = z.strictObject({
  endpoint: Name,
  clock: z.enum(['wall', 'event']),
  routes: EndpointRoutes,
  controller: EndpointController.nullable(),
  epoch: z.number().int().nonnegative(),
  /** Last watermark the drift watch has processed, microseconds. */
  watermark: z.number().int().nullable(),
});
export type EndpointState = z.infer<typeof EndpointState>;

export const NO_ROUTES: EndpointRoutes = { rev: 0, model: null, routes: [], shadow: [], staged: [], salt: '' };
