import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, runScript } from './setup.mjs';

/** Bundles the compiled workflows, so that no worker has to do it when it starts. */
await runScript(async () => {
  const { prebuildWorkflowBundle } = await import(pathToFileURL(join(ROOT, 'dist/workers/workflow-bundle.js')).href);
  await prebuildWorkflowBundle();
  return 0;
});
