import { readFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, runScript } from './setup.mjs';

/** What trainers in Python can meet: they show the same messages. */
const MET_BY_TRAINERS = /^PRN_(TRAINER|TRAINING|RUN|ARTIFACT)_/;

async function catalogue() {
  const { ERROR_CATALOGUE } = await import(pathToFileURL(join(ROOT, 'dist/domain/errors.js')).href);
  return Object.entries(ERROR_CATALOGUE);
}

/** The error catalogue of the compiled `domain/errors.ts` as a Markdown table. */
function renderTable(entries) {
  const rows = entries.map(
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

function renderForPython(entries) {
  const met = entries.filter(([code]) => MET_BY_TRAINERS.test(code));
  const plain = met.map(([code, { retryable, template }]) => [code, { retryable, template }]);
  return `${JSON.stringify(Object.fromEntries(plain), null, 2)}\n`;
}

await runScript(async () => {
  const entries = await catalogue();
  const files = {
    'docs/error-codes.md': renderTable(entries),
    'trainers/python/perennial_trainer/errors.json': renderForPython(entries),
  };
  let code = 0;
  for (const [name, text] of Object.entries(files)) {
    const path = join(ROOT, name);
    if (!process.argv.includes('--check')) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
    } else if ((await readFile(path, 'utf8').catch(() => '')) !== text) {
      process.stderr.write(`${name} is out of date; run \`npm run build && npm run docs:errors\`.\n`);
      code = 1;
    }
  }
  return code;
});
