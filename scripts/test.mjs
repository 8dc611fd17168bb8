import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { ROOT, ensureSetup, runScript } from './setup.mjs';
import { run } from './support/run.mjs';

/** @typedef {{ passed: number, failed: number, failures: string[] }} Tally `failures` names what failed. */

const bin = (name) => join(ROOT, 'node_modules/.bin', name);

const CHECKS = [
  { name: 'format', command: bin('oxfmt'), args: ['--check'] },
  { name: 'lint', command: bin('oxlint'), args: ['--type-aware', '--deny-warnings'] },
  { name: 'types', command: bin('tsc'), args: ['-p', 'tsconfig.json', '--noEmit', '--incremental', 'false'] },
  { name: 'types of the workflow sandbox', command: bin('tsc'), args: ['-p', 'tsconfig.sandbox.json'] },
  { name: 'types of the tests', command: bin('tsc'), args: ['-p', 'tsconfig.test.json'] },
  { name: 'generated docs', command: process.execPath, args: ['scripts/generate-error-codes.mjs', '--check'] },
];

const isLong = process.argv.includes('--long');

/** Projects of a line run side by side, each with engines of its own: `server` and `e2e` wait for half of their time. */
const PROJECTS = [['unit'], ['server', 'e2e'], ...(isLong ? [['long']] : [])];

await runScript(async () => {
  const setUp = await ensureSetup({ python: true }).catch((error) => error);
  if (setUp instanceof Error) {
    process.stdout.write(`${setUp.message}\n0 passed, 1 failed\n`);
    return 1;
  }
  const tallies = [];
  for (const check of [...CHECKS, pythonTests(setUp.python.interpreter)]) tallies.push(await runCheck(check));
  for (const projects of PROJECTS)
    tallies.push(...(await Promise.all(projects.map((project, index) => runProject(project, { show: index === 0 })))));
  for (const failure of tallies.flatMap(({ failures }) => failures)) process.stdout.write(`FAILED  ${failure}\n`);
  const passed = sum(tallies, 'passed');
  const failed = sum(tallies, 'failed');
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
});

/** The tests that the Python package has of its own; the worker as a whole is tested from here. */
function pythonTests(interpreter) {
  const cwd = join(ROOT, 'trainers/python');
  return {
    name: 'tests of the Python package',
    command: interpreter,
    args: ['-m', 'unittest', 'discover', '-t', '.', 'tests'],
    cwd,
  };
}

/** @returns {Promise<Tally>} */
async function runCheck({ name, command, args, cwd = ROOT }) {
  const startedAt = performance.now();
  const { code, output } = await run(command, args, { cwd });
  report(name, code === 0, startedAt);
  if (code !== 0) process.stdout.write(`${output.trimEnd()}\n`);
  return code === 0 ? { passed: 1, failed: 0, failures: [] } : { passed: 0, failed: 1, failures: [name] };
}

/**
 * Counts what vitest wrote as JSON, so that a run that broke before or after its tests is a failure too.
 * @param {string} project
 * @param {{ show: boolean }} options without `show` the output is printed when the project has ended, in one piece
 * @returns {Promise<Tally>}
 */
async function runProject(project, { show }) {
  const startedAt = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'perennial-report-'));
  const path = join(folder, 'report.json');
  const args = ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${path}`];
  const { code, output } = await run(bin('vitest'), args, { cwd: ROOT, show });
  if (!show) process.stdout.write(output);
  const tally = await readTally(path, { project, code });
  await rm(folder, { recursive: true, force: true });
  report(`tests: ${project}`, tally.failed === 0, startedAt);
  return tally;
}

/** @returns {Promise<Tally>} */
async function readTally(path, { project, code }) {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  const { numPassedTests: passed = 0, testResults = [] } = text === undefined ? {} : JSON.parse(text);
  const failures = testResults.flatMap(failuresOf);
  if (failures.length === 0 && code !== 0) failures.push(`${project}: vitest ended with code ${code}`);
  return { passed, failed: failures.length, failures };
}

/** A file that does not load has no tests. */
function failuresOf({ name, status, assertionResults }) {
  const file = relative(ROOT, name);
  if (assertionResults.length === 0 && status === 'failed') return [`${file} does not load`];
  return assertionResults.filter((test) => test.status !== 'passed').map(({ fullName }) => `${file}: ${fullName}`);
}

function report(name, ok, startedAt) {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stdout.write(`${ok ? 'ok    ' : 'FAILED'}  ${name} (${seconds} s)\n`);
}

function sum(tallies, key) {
  return tallies.reduce((total, tally) => total + tally[key], 0);
}
