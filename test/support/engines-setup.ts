import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startStack } from '../../cli/supervisor/stack.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** `host:port` of the Temporal development server of this test run; its search attributes are registered. */
    temporalAddress: string;
    /** Connection string of the one-node replica set of this test run. */
    mongodbUri: string;
    /** Folder of this test run, removed at its end. */
    runFolder: string;
  }
}

/**
 * Starts one MongoDB replica set and one Temporal development server for all files of a vitest project, on free loopback
 * ports, with the code that `perennial up` uses. A missing engine fails the run.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'perennial-test-'));
  const stack = await startStack({ dataDir, services: [], ports: 'free', webUi: false });
  project.provide('temporalAddress', stack.addresses.temporalAddress);
  project.provide('mongodbUri', stack.addresses.mongodbUri);
  project.provide('runFolder', dataDir);
  return async () => {
    await stack.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
}
