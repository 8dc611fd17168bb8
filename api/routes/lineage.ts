/** What came of what, from the bytes of a source to model versions, asked from any thing in between. */
import { z } from 'zod';
import { DomainError } from '../../domain/errors.js';
import { LineageDirection, LineageGraph, LineageNode } from '../../domain/lineage.js';
import type { ApiDependencies } from '../dependencies.js';
import { param, type Route, route } from '../route.js';

const LineageQuery = z.object({
  direction: LineageDirection.default('both').meta({
    description: 'What it was made of, what was made of it, or both',
  }),
});

type Params = Readonly<Record<string, string>>;

interface Asked {
  readonly path: string;
  readonly summary: string;
  /** What is asked about; it is validated before anything is read. */
  readonly node: (params: Params) => unknown;
}

const ASKED: readonly Asked[] = [
  {
    path: '/v1/sources/:sha256/lineage',
    summary: 'What became of a file, by the digest of its bytes',
    node: ({ sha256 }) => ({ kind: 'source', sha256 }),
  },
  {
    path: '/v1/datasets/:dataset/versions/:version/lineage',
    summary: 'Files and queries behind a dataset version, and the features, runs and models that read it',
    node: ({ dataset, version }) => ({ kind: 'datasetVersion', dataset, versionId: version }),
  },
  {
    path: '/v1/feature-views/:view/chunks/:chunk/lineage',
    summary: 'Data behind a chunk of feature rows, and the runs and models that read it',
    node: ({ view, chunk }) => ({ kind: 'chunk', view, chunkId: chunk }),
  },
  {
    path: '/v1/pipelines/:pipeline/lineage',
    summary: 'Data and features that a training run read, and the version it made',
    node: ({ pipeline }) => ({ kind: 'run', pipelineId: pipeline }),
  },
  {
    path: '/v1/models/:model/versions/:version/lineage-graph',
    summary: 'Everything behind a model version, back to the bytes of its sources',
    node: ({ model, version }) => ({ kind: 'modelVersion', model, version: Number(version) }),
  },
];

export function lineageRoutes({ stores }: ApiDependencies): Route[] {
  return ASKED.map(({ path, summary, node }) =>
    route({
      method: 'get',
      path,
      summary,
      action: 'read',
      query: LineageQuery,
      response: LineageGraph,
      async handle(call) {
        const asked = LineageNode.safeParse(node(call.params));
        const found = asked.success ? await stores.lineage.lineage(asked.data, call.query.direction) : null;
        if (found !== null) return { body: found };
        const names = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => param(call, name));
        throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'lineage of', name: names.join('/'), hint: '' });
      },
    }),
  );
}
