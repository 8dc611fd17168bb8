/** `npm run bench -- CASE [--json FILE]`: measures, prints, and never fails a build for a slow figure. */
import { parseArgs } from 'node:util';
import { inference } from './inference.js';
import { pipeline } from './pipeline.js';
import { type BenchmarkReport, publish } from './report.js';

const CASES: Readonly<Record<string, () => Promise<BenchmarkReport>>> = { inference, pipeline };

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'string' } } });
const [name = ''] = positionals;
const run = CASES[name];
if (run === undefined) {
  console.error(`There is no benchmark ${JSON.stringify(name)}. There are ${Object.keys(CASES).join(', ')}.`);
  process.exitCode = 2;
} else {
  publish(await run(), values.json ?? null);
}
