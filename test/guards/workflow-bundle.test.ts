import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';

/** Packages whose code has no business in the workflow sandbox; webpack names every module by its path. */
const DRIVERS = [
  'mongodb',
  'bson',
  '@duckdb',
  'onnxruntime-node',
  'express',
  '@temporalio/activity',
  '@temporalio/client',
];
const OTHER_LAYERS = ['activities', 'api', 'cli', 'ml', 'scoring', 'serving', 'store', 'workers'];

describe('the workflow bundle', () => {
  let modules: string[];

  beforeAll(async () => {
    const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
    const { code } = await bundleWorkflowCode({ workflowsPath, logger: silent });
    modules = moduleIds(code);
  }, 60_000);

  it('holds our workflows', () => {
    expect(modules.some((id) => id.startsWith('./workflows/'))).toBe(true);
  });

  it.each(DRIVERS)('holds nothing of the package %s', (name) => {
    expect(modules.filter((id) => id.includes(`/node_modules/${name}/`))).toEqual([]);
  });

  it.each(OTHER_LAYERS)('holds nothing of %s/', (folder) => {
    expect(modules.filter((id) => id.startsWith(`./${folder}/`))).toEqual([]);
  });
});

describe('the workflow bundler', () => {
  it('refuses a workflow that imports a driver and names the Node.js modules behind it', async () => {
    const workflowsPath = fileURLToPath(new URL('samples/driver-workflow.ts', import.meta.url));
    await expect(bundleWorkflowCode({ workflowsPath, logger: silent })).rejects.toThrow(/mongodb|'net'|'tls'|crypto/);
  }, 60_000);
});

const silent = {
  log: () => {},
  trace: () => {},
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};

/** Ids of the modules in a webpack development bundle: the quoted keys of its module table. */
function moduleIds(code: string): string[] {
  return [...code.matchAll(/^\/\*\*\*\/ "([^"]+)"$/gm)].map(([, id = '']) => id);
}
