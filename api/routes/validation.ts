/** What validation said about sources, and what the rows of a version look like. */
import { z } from 'zod';
import type { ArtifactRef } from '../../domain/artifact.js';
import type { DatasetVersion } from '../../domain/dataset.js';
import { DomainError } from '../../domain/errors.js';
import { DatasetProfile } from '../../domain/profile.js';
import { mergeProfiles } from '../../domain/profile-merge.js';
import { ValidationReport } from '../../domain/validation.js';
import type { Stores } from '../../store/contracts/index.js';
import { getJson } from '../../store/contracts/json-artifacts.js';
import type { ApiDependencies } from '../dependencies.js';
import { pageOf, PageQuery, readPage } from '../paging.js';
import { requireDeclared } from '../require-declared.js';
import { type Call, param, type Route, route } from '../route.js';

const SegmentReport = z.strictObject({
  segmentId: z.string(),
  commitSeq: z.number().int(),
  sourceUri: z.string(),
  report: ValidationReport,
});

export function validationRoutes({ stores }: ApiDependencies): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/datasets/:dataset/versions/:version/report',
      summary: 'Validation reports of the segments of a version, newest first',
      action: 'read',
      query: PageQuery,
      response: pageOf(SegmentReport),
      async handle(call) {
        const segments = (await stores.datasets.segments(await requireVersion(stores, call))).reverse();
        const read = (count: number) => Promise.resolve(segments.slice(0, count));
        const page = await readPage(call.query, { read, idOf: ({ commitSeq }) => String(commitSeq) });
        const items = page.items.map(async ({ segmentId, commitSeq, sourceUri, report }) => {
          return { segmentId, commitSeq, sourceUri, report: await getJson(stores.artifacts, report, ValidationReport) };
        });
        return { body: { items: await Promise.all(items), next: page.next } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/datasets/:dataset/versions/:version/profile',
      summary:
        'Profile of all rows of a version: the profiles of its segments added up. Figures of times are microseconds',
      action: 'read',
      response: DatasetProfile,
      async handle(call) {
        const segments = await stores.datasets.segments(await requireVersion(stores, call));
        return { body: await mergedProfile(stores, segments) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/ingestions/:ingestion/report',
      summary: 'Validation report of an ingestion, also of one that was refused',
      action: 'read',
      response: ValidationReport,
      async handle(call) {
        const ingestionId = param(call, 'ingestion');
        const report = (await stores.datasets.getIngestion(ingestionId))?.report ?? null;
        if (report === null) throw notFound('validation report of ingestion', ingestionId);
        return { body: await getJson(stores.artifacts, report, ValidationReport) };
      },
    }),
  ];
}

async function requireVersion(stores: Stores, call: Call<unknown, unknown>): Promise<DatasetVersion> {
  const [dataset, versionId] = [param(call, 'dataset'), param(call, 'version')];
  await requireDeclared(stores, 'Dataset', dataset);
  const version = await stores.datasets.version(dataset, versionId);
  if (version === null) throw notFound(`version of dataset ${dataset}`, versionId);
  return version;
}

/** One after the other, so that a version of many segments does not hold all their profiles at once. */
async function mergedProfile(stores: Stores, segments: readonly { profile: ArtifactRef }[]): Promise<DatasetProfile> {
  let merged: DatasetProfile | null = null;
  for (const { profile } of segments) {
    const next: DatasetProfile = await getJson(stores.artifacts, profile, DatasetProfile);
    merged = merged === null ? next : mergeProfiles(merged, next);
  }
  return merged ?? { rows: 0, firstEventTs: null, lastEventTs: null, ingestLag: null, columns: [] };
}

function notFound(kind: string, name: string): DomainError {
  return new DomainError('PRN_RESOURCE_NOT_FOUND', { kind, name, hint: '' });
}
