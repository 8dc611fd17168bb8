import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, runScript } from './setup.mjs';

const HEAD = `# The API

Generated from the route descriptions by \`npm run build && npm run docs:api\`. Shapes of bodies, queries and answers are in
the OpenAPI 3.1 document at \`/openapi.json\`; \`/docs\` shows it as a page that can send requests.

- **Who calls**: \`Authorization: Bearer KEY\`. What a key may do follows from its role.
- **Times** are ISO 8601 in UTC. Where a body takes a time it also takes whole microseconds.
- **Lists** that grow answer \`{items, next}\`. Send \`next\` as \`?after=\` for the following page, with \`?limit=\` items (100, at
  most 1000); \`next\` is null on the last one.
- **Repeats**: a change sent again with the same \`Idempotency-Key\` and content gets the first answer, for 24 hours. The same
  key with other content is refused. Secrets are in the first answer only.
- **Changes to what was read**: \`PUT /v1/resources\` takes the revision that was read in \`If-Match\`, 0 for "it must not exist".
- **Long work** answers 202 with an address in \`Location\` to ask until it has ended.
- **Refusals** are \`{error: {code, message, details, requestId}}\`; [error-codes.md](error-codes.md) lists the codes.
`;

/** Renders the compiled route descriptions as Markdown tables, one for each first segment. */
async function render() {
  const load = (path) => import(pathToFileURL(join(ROOT, 'dist', path)).href);
  const [{ allRoutes }, { mayDo, Role }] = await Promise.all([load('api/routes/index.js'), load('domain/access.js')]);
  // Descriptions only: no handler runs, so nothing is asked of stores and workflows.
  const routes = allRoutes({ stores: {}, workflows: {} });
  const holders = (action) => Role.options.filter((role) => mayDo(role, action)).length;
  const actions = [...new Set(routes.map(({ action }) => action))].sort(
    (left, right) => holders(right) - holders(left),
  );
  const may = Role.options.map(
    (role) => `| ${role} | ${actions.map((action) => (mayDo(role, action) ? 'yes' : '')).join(' | ')} |`,
  );
  const rows = routes.map(
    ({ method, path, action, summary }) => `| \`${method.toUpperCase()} ${path}\` | ${action} | ${summary} |`,
  );
  return [
    HEAD,
    '## Roles',
    '',
    `| Role | ${actions.join(' | ')} |`,
    `|---|${actions.map(() => '---|').join('')}`,
    ...may,
    '',
    '## Routes',
    '',
    '| Route | Action | What it does |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

await runScript(async () => {
  await writeFile(join(ROOT, 'docs/api.md'), await render());
  return 0;
});
