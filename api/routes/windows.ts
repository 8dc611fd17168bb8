/** Closed windows of an endpoint: reports, and the profiles of what was served. */
import { z } from 'zod';
import { mergeModelProfiles, ModelProfile } from '../../domain/model-profile.js';
import { type WindowProfile, WindowReport } from '../../domain/monitoring.js';
import type { ApiDependencies } from '../dependencies.js';
import { listOf, PageQuery } from '../paging.js';
import { readTime } from '../present.js';
import { param, type Route, route } from '../route.js';
import { requireEndpoint } from './endpoints.js';

const WindowsQuery = z.object({
  version: z.coerce.number().int().positive().optional(),
  after: z.string().optional().meta({ description: 'Only windows that end after this time, ISO 8601' }),
  through: z.string().optional().meta({ description: 'Only windows that end by this time, ISO 8601' }),
  limit: PageQuery.shape.limit.meta({ description: 'The newest of them' }),
});
type WindowsQuery = z.infer<typeof WindowsQuery>;

const MergedProfile = z.strictObject({
  version: z.number().int().positive(),
  windows: z.number().int().positive(),
  /** Microseconds: start of the first window, end of the last. */
  windowStart: z.number().int(),
  windowEnd: z.number().int(),
  profile: ModelProfile,
});
type MergedProfile = z.infer<typeof MergedProfile>;

export function windowRoutes(dependencies: ApiDependencies): Route[] {
  const { monitoring } = dependencies.stores;
  return [
    route({
      method: 'get',
      path: '/v1/endpoints/:endpoint/windows',
      summary: 'Reports of closed windows, oldest first',
      action: 'read',
      query: WindowsQuery,
      response: listOf(WindowReport.omit({ prediction: true })),
      async handle(call) {
        const { endpoint } = await requireEndpoint(dependencies, param(call, 'endpoint'));
        const reports = await monitoring.reports({ endpoint, ...rangeOf(call.query) });
        return { body: { items: reports.map(({ prediction: _profile, ...report }) => report) } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/endpoints/:endpoint/windows/profile',
      summary: 'What each version read and answered: the profiles of its closed windows added up',
      action: 'read',
      query: WindowsQuery,
      response: listOf(MergedProfile),
      async handle(call) {
        const { endpoint } = await requireEndpoint(dependencies, param(call, 'endpoint'));
        const profiles = await monitoring.profiles({ endpoint, ...rangeOf(call.query) });
        return { body: { items: mergeByVersion(profiles) } };
      },
    }),
  ];
}

function rangeOf({ version, after, through, limit }: WindowsQuery) {
  return {
    limit,
    ...(version !== undefined && { version }),
    ...(after !== undefined && { from: readTime(after) }),
    ...(through !== undefined && { to: readTime(through) }),
  };
}

/** Exact: windows of a version are counted in the frames of its reference. Lowest version first. */
function mergeByVersion(profiles: readonly WindowProfile[]): MergedProfile[] {
  const merged = new Map<number, MergedProfile>();
  for (const { version, windowStart, windowEnd, profile } of profiles) {
    const sum = merged.get(version);
    merged.set(version, {
      version,
      windows: (sum?.windows ?? 0) + 1,
      windowStart: Math.min(sum?.windowStart ?? windowStart, windowStart),
      windowEnd: Math.max(sum?.windowEnd ?? windowEnd, windowEnd),
      profile: sum === undefined ? profile : mergeModelProfiles(sum.profile, profile),
    });
  }
  return [...merged.values()].sort((left, right) => left.version - right.version);
}
