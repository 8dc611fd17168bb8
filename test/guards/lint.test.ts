import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Samples that break exactly one rule, by folder: the import table of the design and the rules on types and promises. */
const FORBIDDEN_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  'domain/a.ts': ['node:crypto', 'mongodb', '../ml/x.js', '@temporalio/common'],
  'domain/rollout/a.ts': ['../../store/contracts/x.js'],
  'ml/drift/a.ts': ['node:fs', 'onnxruntime-node', '../../store/contracts/x.js', 'zod'],
  'ml/onnx/a.ts': ['node:fs', '@temporalio/activity'],
  'store/mongo/a.ts': ['../../ml/x.js', '../../workflows/messages.js', '@temporalio/client', 'express'],
  'scoring/a.ts': ['../store/mongo/x.js', '../store/tables/x.js', '../serving/x.js', 'express', '@temporalio/activity'],
  'workflows/a.ts': [
    '../activities/x.js',
    '../store/contracts/x.js',
    '../ml/x.js',
    'node:crypto',
    '@temporalio/client',
  ],
  'workflows/steps/a.ts': ['../../activities/x.js', '@temporalio/activity'],
  'activities/a.ts': [
    '../store/mongo/x.js',
    '../workflows/messages.js',
    '../workflows/rollout.js',
    '../api/x.js',
    'mongodb',
  ],
  'activities/jobs/a.ts': [
    '../../store/tables/x.js',
    '../../workers/x.js',
    '../../serving/x.js',
    '@temporalio/workflow',
  ],
  'workers/a.ts': ['../api/x.js', '../serving/x.js'],
  'serving/a.ts': ['@temporalio/client', '../api/x.js', '../workflows/messages.js', '../activities/x.js', '../ml/x.js'],
  'api/a.ts': ['../activities/x.js', '../ml/x.js', '../scoring/x.js', '../workflows/rollout.js', '@temporalio/worker'],
  'api/routes/a.ts': ['../../workflows/model-lifecycle.js', '../../serving/x.js', 'onnxruntime-node'],
  'cli/a.ts': ['mongodb', '@temporalio/client', '../api/x.js', '../store/contracts/x.js', 'express'],
  'cli/supervisor/a.ts': ['../../workers/x.js', '@temporalio/client'],
  'cli/local/a.ts': ['../../api/x.js', '@temporalio/client'],
};

const ALLOWED_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  'domain/b.ts': ['zod', './c.js'],
  'domain/rollout/b.ts': ['zod', '../time.js'],
  'ml/drift/b.ts': ['../../domain/x.js', '../evaluation/x.js', '@stdlib/stats-base-dists-t-cdf'],
  'ml/onnx/b.ts': ['onnxruntime-node', '../../domain/x.js'],
  'store/mongo/b.ts': ['mongodb', 'node:crypto', 'node:fs/promises', '../../domain/x.js', '../contracts/x.js'],
  'store/tables/b.ts': ['@duckdb/node-api'],
  'scoring/b.ts': ['../domain/x.js', '../ml/onnx/x.js', '../store/contracts/x.js'],
  'workflows/b.ts': ['@temporalio/workflow', '@temporalio/common', './contracts/x.js', '../domain/x.js'],
  'workflows/steps/b.ts': ['../contracts/x.js', '../../domain/x.js'],
  'activities/b.ts': [
    '../workflows/contracts/x.js',
    '../store/contracts/x.js',
    '../scoring/x.js',
    '@temporalio/activity',
  ],
  'activities/jobs/b.ts': ['../../ml/training/x.js', '../../store/contracts/x.js', 'node:crypto'],
  'workers/b.ts': ['../activities/x.js', '../store/mongo/x.js', '../workflows/x.js', '@temporalio/worker', 'mongodb'],
  'serving/b.ts': ['../scoring/x.js', '../store/mongo/x.js', 'node:http', 'prom-client'],
  'api/b.ts': ['../workflows/messages.js', '../store/mongo/x.js', '@temporalio/client', 'express'],
  'cli/b.ts': ['../domain/x.js', 'commander', 'node:child_process'],
  'cli/supervisor/b.ts': ['mongodb', '../../domain/x.js'],
  'cli/local/b.ts': ['../../ml/x.js', '../../scoring/x.js', '../../store/contracts/x.js', '../../activities/x.js'],
};

const FORBIDDEN_CODE: Readonly<Record<string, { rule: string; path: string; code: string }>> = {
  'a promise that nobody waits for': {
    rule: 'no-floating-promises',
    path: 'api/floating.ts',
    code: 'async function work(): Promise<void> {}\nexport function start(): void {\n  work();\n}\n',
  },
  'a promise where a value is expected': {
    rule: 'no-misused-promises',
    path: 'api/misused.ts',
    code: 'export async function isReady(): Promise<boolean> {\n  return true;\n}\nexport const word = isReady() ? 1 : 2;\n',
  },
  any: { rule: 'no-explicit-any', path: 'api/any.ts', code: 'export const value: any = 1;\n' },
  'a non-null assertion': {
    rule: 'no-non-null-assertion',
    path: 'api/non-null.ts',
    code: 'export const head = (list: string[]): string => list[0]!;\n',
  },
  'a default export': { rule: 'no-default-export', path: 'api/default.ts', code: 'export default 1;\n' },
  'loose equality': {
    rule: 'eqeqeq',
    path: 'api/loose.ts',
    code: 'export const same = (a: string, b: string): boolean => a == b;\n',
  },
  'a fourth parameter': {
    rule: 'max-params',
    path: 'api/params.ts',
    code: 'export const sum = (a: number, b: number, c: number, d: number): number => a + b + c + d;\n',
  },
  'a cycle of imports': {
    rule: 'no-cycle',
    path: 'api/cycle-one.ts',
    code: "import { two } from './cycle-two.js';\nexport const one = (): number => two();\n",
  },
  'chance in domain/': {
    rule: 'no-restricted-properties',
    path: 'domain/chance.ts',
    code: 'export const chance = (): number => Math.random();\n',
  },
  'the clock in ml/': {
    rule: 'no-restricted-properties',
    path: 'ml/clock.ts',
    code: 'export const now = (): number => Date.now();\n',
  },
  'the environment in activities/': {
    rule: 'no-restricted-properties',
    path: 'activities/environment.ts',
    code: "export const home = (): string | undefined => process.env['HOME'];\n",
  },
  'a case of a union that is forgotten': {
    rule: 'switch-exhaustiveness-check',
    path: 'domain/forgotten.ts',
    code: "export function act(kind: 'a' | 'b'): void {\n  switch (kind) {\n    case 'a':\n      break;\n  }\n}\n",
  },
};

const Report = z.object({ diagnostics: z.array(z.object({ code: z.string(), filename: z.string() })) });

describe('the linter', () => {
  let folder: string;
  let findings: Map<string, string[]>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-lint-'));
    await cp(join(ROOT, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
    await cp(join(ROOT, 'tsconfig.json'), join(folder, 'tsconfig.json'));
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    const samples = [FORBIDDEN_IMPORTS, ALLOWED_IMPORTS].flatMap(importSamples);
    for (const { path, code } of [...samples, ...Object.values(FORBIDDEN_CODE)]) await write(join(folder, path), code);
    await write(
      join(folder, 'api/cycle-two.ts'),
      "import { one } from './cycle-one.js';\nexport const two = (): number => one();\n",
    );
    findings = await lint(folder);
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it.each(importSamples(FORBIDDEN_IMPORTS))('refuses $specifier in $folder/', ({ path }) => {
    expect(findings.get(path)).toEqual(['eslint(no-restricted-imports)']);
  });

  it.each(importSamples(ALLOWED_IMPORTS))('accepts $specifier in $folder/', ({ path }) => {
    expect(findings.get(path) ?? []).toEqual([]);
  });

  it.each(Object.entries(FORBIDDEN_CODE))('refuses %s', (_what, { rule, path }) => {
    expect(findings.get(path)).toEqual([expect.stringContaining(`(${rule})`)]);
  });
});

interface ImportSample {
  readonly folder: string;
  readonly specifier: string;
  readonly path: string;
  readonly code: string;
}

/** One file per import, so that each is judged by itself; types only, because the table holds for types as well. */
function importSamples(table: Readonly<Record<string, readonly string[]>>): ImportSample[] {
  return Object.entries(table).flatMap(([path, specifiers]) =>
    specifiers.map((specifier, index) => ({
      folder: dirname(path),
      specifier,
      path: path.replace('.ts', `-${index}.ts`),
      code: `export type { Thing } from '${specifier}';\n`,
    })),
  );
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

async function lint(cwd: string): Promise<Map<string, string[]>> {
  const args = ['--type-aware', '--format', 'json', '.'];
  const output = await new Promise<string>((resolve) => {
    execFile(join(ROOT, 'node_modules/.bin/oxlint'), args, { cwd, maxBuffer: 64 * 1024 ** 2 }, (_error, stdout) =>
      resolve(stdout),
    );
  });
  const { diagnostics } = Report.parse(JSON.parse(output));
  const codes = new Map<string, string[]>();
  for (const { filename, code } of diagnostics) codes.set(filename, [...(codes.get(filename) ?? []), code]);
  return codes;
}
