import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openApiPath, pathParameters, type Route } from '../../api/route.js';
import { allRoutes } from '../../api/routes/index.js';
import { readdir, readFile } from 'node:fs/promises';
import { leaveRecords, RUN, UPLOAD } from '../support/api-records.js';
import { type ApiWorld, openApiWorld } from '../support/api-world.js';

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly required?: boolean }[];
  readonly responses: Readonly<
    Record<string, { readonly content: { readonly 'application/json': { schema: object } } }>
  >;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

describe('the documents of the API', () => {
  let world: ApiWorld;
  let document: Document;
  let routes: readonly Route[];

  beforeAll(async () => {
    world = await openApiWorld();
    await leaveRecords(world.dependencies.stores);
    routes = allRoutes(world.dependencies);
    document = (await (await fetch(`${world.url}/openapi.json`)).json()) as Document;
  });
  afterAll(() => world.close());

  const operationOf = ({ method, path }: Pick<Route, 'method' | 'path'>): Operation | undefined =>
    document.paths[openApiPath(path)]?.[method];

  it('describe every route and nothing else', () => {
    expect(document.openapi).toBe('3.1.0');
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(documented.sort()).toEqual(routes.map(({ method, path }) => `${method} ${openApiPath(path)}`).sort());
    expect(Object.keys(document.paths)).toContain('/v1/resources:diff');
  });

  it('are a sound OpenAPI document: unique ids, every path parameter declared, every reference resolvable', () => {
    const operations = routes.map((route) => ({ route, operation: operationOf(route) }));
    expect(new Set(operations.map(({ operation }) => operation?.operationId)).size).toBe(routes.length);
    for (const { route, operation } of operations) {
      const declared = (operation?.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect(declared.map(({ name }) => name)).toEqual(pathParameters(route.path));
      expect(declared.every(({ required }) => required === true)).toBe(true);
      expect(Object.keys(operation?.responses ?? {})).toEqual([String(route.status ?? 200), '4XX', '5XX']);
    }
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = '']) => path);
    const missing = references.filter(
      (path) =>
        path
          .split('/')
          .reduce<unknown>((node, part) => (node as Record<string, unknown> | undefined)?.[part], document) ===
        undefined,
    );
    expect(missing).toEqual([]);
  });

  /** Each reading route with an existing thing in the place of its parameters. */
  const READS: readonly (readonly [template: string, path: string])[] = [
    ['/v1/resources/:kind', '/v1/resources/feature-views'],
    ['/v1/resources/:kind/:name', '/v1/resources/Model/flight-delay'],
    ['/v1/resources/:kind/:name/revisions', '/v1/resources/Dataset/flights/revisions'],
    ['/v1/ingestions/:ingestion', '/v1/ingestions/first'],
    ['/v1/datasets/:dataset/ingestions', '/v1/datasets/flights/ingestions'],
    ['/v1/datasets/:dataset/versions', '/v1/datasets/flights/versions'],
    ['/v1/datasets/:dataset/versions/:version', '/v1/datasets/flights/versions/VERSION'],
    ['/v1/sources/:sha256/lineage', `/v1/sources/${'1'.repeat(64)}/lineage`],
    [
      '/v1/datasets/:dataset/versions/:version/lineage',
      '/v1/datasets/flights/versions/VERSION/lineage?direction=forward',
    ],
    ['/v1/feature-views/:view/chunks/:chunk/lineage', '/v1/feature-views/origin-traffic/chunks/chunk-1/lineage'],
    ['/v1/pipelines/:pipeline/lineage', '/v1/pipelines/second/lineage'],
    ['/v1/models/:model/versions/:version/lineage-graph', '/v1/models/flight-delay/versions/1/lineage-graph'],
    ['/v1/datasets/:dataset/versions/:version/report', '/v1/datasets/flights/versions/VERSION/report'],
    ['/v1/datasets/:dataset/versions/:version/profile', '/v1/datasets/flights/versions/VERSION/profile'],
    ['/v1/ingestions/:ingestion/report', '/v1/ingestions/first/report'],
    ['/v1/quarantine', '/v1/quarantine?dataset=flights'],
    ['/v1/quarantine/:case', '/v1/quarantine/CASE'],
    ['/v1/datasets/:dataset/uploads/:upload', `/v1/datasets/flights/uploads/${UPLOAD}`],
    ['/v1/quarantine/:case/rows', '/v1/quarantine/CASE/rows'],
    ['/v1/quarantine/:case/effect', '/v1/quarantine/CASE/effect'],
    ['/v1/feature-views/:view/materialization', '/v1/feature-views/origin-traffic/materialization'],
    ['/v1/features/historical', '/v1/features/historical'],
    ['/v1/features/historical/:retrieval', '/v1/features/historical/retrieval-1'],
    ['/v1/models', '/v1/models'],
    ['/v1/models/:model', '/v1/models/flight-delay'],
    ['/v1/models/:model/retraining-requests', '/v1/models/flight-delay/retraining-requests'],
    ['/v1/models/:model/versions', '/v1/models/flight-delay/versions'],
    ['/v1/models/:model/versions/:version', '/v1/models/flight-delay/versions/1'],
    ['/v1/models/:model/versions/:version/skew-certificate', '/v1/models/flight-delay/versions/1/skew-certificate'],
    ['/v1/models/:model/versions/:version/lineage', '/v1/models/flight-delay/versions/1/lineage'],
    ['/v1/models/:model/versions/:version/evidence', '/v1/models/flight-delay/versions/2/evidence'],
    ['/v1/models/:model/versions/:version/card', '/v1/models/flight-delay/versions/1/card'],
    ['/v1/models/:model/champion', '/v1/models/flight-delay/champion?at=2001-03-02T00:00:00Z'],
    ['/v1/models/:model/champions', '/v1/models/flight-delay/champions'],
    ['/v1/pipelines', '/v1/pipelines?model=flight-delay'],
    ['/v1/pipelines/:pipeline', '/v1/pipelines/second'],
    ['/v1/pipelines/:pipeline/evidence', '/v1/pipelines/second/evidence'],
    ['/v1/experiments', '/v1/experiments'],
    ['/v1/experiments/:experiment', '/v1/experiments/1'],
    ['/v1/runs', '/v1/runs?experiment=flight-delay&orderBy=metrics.log_loss'],
    ['/v1/runs/:run', `/v1/runs/${RUN}`],
    ['/v1/runs:compare', `/v1/runs:compare?ids=${RUN}`],
    ['/v1/runs/:run/metrics', `/v1/runs/${RUN}/metrics?key=log_loss`],
    ['/v1/approvals', '/v1/approvals?outcome=pending'],
    ['/v1/approvals/:approval', '/v1/approvals/second'],
    ['/v1/endpoints', '/v1/endpoints'],
    ['/v1/endpoints/:endpoint', '/v1/endpoints/flight-delay'],
    ['/v1/endpoints/:endpoint/windows', '/v1/endpoints/flight-delay/windows'],
    ['/v1/endpoints/:endpoint/windows/profile', '/v1/endpoints/flight-delay/windows/profile'],
    ['/v1/endpoints/:endpoint/rollouts', '/v1/endpoints/flight-delay/rollouts'],
    ['/v1/rollouts/:rollout', '/v1/rollouts/second'],
    ['/v1/alerts', '/v1/alerts?endpoint=flight-delay'],
    ['/v1/audit', '/v1/audit?scope=model/flight-delay'],
    ['/v1/audit/verification', '/v1/audit/verification'],
    ['/v1/keys', '/v1/keys'],
  ];

  it.each(READS)('say what GET %s answers, field by field', async (template, path) => {
    const { stores } = world.dependencies;
    const versionId = (await stores.datasets.head('flights'))?.versionId ?? '';
    const caseId = (await stores.quarantine.cases({ dataset: 'flights' }, 1))[0]?.caseId ?? '';
    const reply = await world.call('get', path.replace('VERSION', versionId).replace('CASE', caseId));
    expect(reply.status).toBe(200);
    if ('items' in reply.body) expect(reply.body['items']).not.toEqual([]);
    const schema = operationOf({ method: 'get', path: template })?.responses['200']?.content['application/json'].schema;
    // Object schemas here refuse unknown members, so an undocumented field fails as much as a missing one.
    const parsed = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).safeParse(reply.body);
    expect(parsed.error?.issues ?? []).toEqual([]);
    // No time leaves as a number: in these records every number above this one is microseconds.
    expect(JSON.stringify(reply.body)).not.toMatch(/:\d{15,}/);
  });

  it('give the card of a version as text, and keep nothing of it', async () => {
    const files = async () => (await readdir(world.folder, { recursive: true })).length;
    const before = await files();
    const response = await fetch(`${world.url}/v1/models/flight-delay/versions/1/card/markdown`, {
      headers: { authorization: `Bearer ${world.keys.viewer}` },
    });
    expect(await response.text()).toMatch(/^# flight-delay, version 1\n/);
    expect(response.headers.get('content-type')).toBe('text/markdown; charset=utf-8');
    expect(response.headers.get('content-disposition')).toBe('attachment; filename=flight-delay-1.md');
    expect(await files()).toBe(before);
  });

  it('leave no reading route without such a check', () => {
    // A run is known to Temporal only, and tables, events and files are no JSON; they are checked where one is made.
    const checked = [
      ...READS.map(([template]) => template),
      '/v1/feature-views/:view/materializations/:materialization',
      '/v1/features/historical/:retrieval/table',
      '/v1/models/:model/versions/:version/card/markdown',
      '/v1/models/:model/versions/:version/plots/:plot',
      '/v1/runs/:run/events',
      '/v1/runs/:run/files/:file',
    ];
    expect(routes.flatMap(({ method, path }) => (method === 'get' ? [path] : [])).sort()).toEqual(checked.sort());
  });

  it('give an example of each body that would be taken as it stands', () => {
    const wrong = routes.flatMap(({ method, path, body }) => {
      const examples = body === undefined ? [null] : (body.meta()?.examples as unknown[] | undefined);
      const isTaken = body === undefined || (examples?.every((example) => body.safeParse(example).success) ?? false);
      return isTaken ? [] : [`${method} ${path}`];
    });
    expect(wrong).toEqual([]);
    // Bounds that say nothing would be shown as the value of every integer.
    expect(JSON.stringify(document).includes(String(Number.MAX_SAFE_INTEGER))).toBe(false);
  });

  it('are shown without asking any other host, and without inline scripts', async () => {
    const response = await fetch(`${world.url}/docs/`);
    const page = await response.text();
    expect(response.headers.get('content-security-policy')).toContain("script-src 'self';");
    expect([...page.matchAll(/(?:src|href)=["']([^"']+)/g)].map(([, target = '']) => target)).toEqual([
      './swagger-ui.css',
      './favicon-32x32.png',
      './favicon-16x16.png',
      './swagger-ui-bundle.js',
      './swagger-ui-standalone-preset.js',
      './swagger-ui-init.js',
    ]);
    const bundle = await fetch(`${world.url}/docs/swagger-ui-bundle.js`);
    expect([bundle.status, (await bundle.text()).length > 1_000_000]).toEqual([200, true]);
    expect(page).not.toMatch(/<script>(?!\s*<\/script>)/);
  });

  it('list every route in docs/api.md, with the roles that may use it', async () => {
    const page = await readFile(new URL('../../docs/api.md', import.meta.url), 'utf8');
    const listed = [...page.matchAll(/^\| `([A-Z]+) (\S+)` \| (\w+) \|/gm)].map(([, method, path, action]) =>
      [method, path, action].join(' '),
    );
    expect(listed.sort()).toEqual(
      routes.map(({ method, path, action }) => `${method.toUpperCase()} ${path} ${action}`).sort(),
    );
  });
});
