import { readFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, runScript } from './setup.mjs';

const PATH = join(ROOT, 'docs/error-codes.md');

/** Renders the error catalogue of the compiled `domain/errors.ts` as a Markdown table. */
async function render() {
  const { ERROR_CATALOGUE } = await import(pathToFileURL(join(ROOT, 'dist/domain/errors.js')).href);
  const rows = Object.entries(ERROR_CATALOGUE).map(
    ([code, { status, retryable, template }]) =>
      `| \`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} | ${template.replaceAll('|', '\\|')} |`,
  );
  return [
    '# Error codes',
    '',
    'Generated from `domain/errors.ts` by `npm run docs:errors`. `{name}` stands for a detail of the error at hand.',
    '"Retry" says whether the same request can succeed later without a change.',
    '',
    '| Code | HTTP | Retry | Message |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

await runScript(async () => {
  const text = await render();
  if (process.argv.includes('--check')) {
    const present = await readFile(PATH, 'utf8').catch(() => '');
    if (present === text) return 0;
    process.stderr.write('docs/error-codes.md is out of date; run `npm run build && npm run docs:errors`.\n');
    return 1;
  }
  await mkdir(dirname(PATH), { recursive: true });
  await writeFile(PATH, text);
  return 0;
});
