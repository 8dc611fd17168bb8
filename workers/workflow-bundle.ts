/** The workflow bundle: made by the build for exactly the workflows that lie beside it, made on the spot otherwise. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundleOption } from '@temporalio/worker';

const CODE = fileURLToPath(new URL('..', import.meta.url));
const WORKFLOWS = join(CODE, 'workflows', 'index.js');
/** What a bundle holds of our own code. */
const FOLDERS = ['workflows', 'domain'];
const PREFIX = 'workflow-bundle-';
const SUFFIX = '.cjs';

/** Making a bundle takes seconds of every start of a worker. One of other workflows has another name and is not taken. */
export async function loadWorkflowBundle(): Promise<WorkflowBundleOption> {
  const codePath = await prebuiltPath();
  return existsSync(codePath) ? { codePath } : bundleWorkflowCode({ workflowsPath: WORKFLOWS });
}

/** Writes the bundle that workers of this build load, in place of earlier ones. */
export async function prebuildWorkflowBundle(): Promise<void> {
  const { code } = await bundleWorkflowCode({ workflowsPath: WORKFLOWS, logger: new DefaultLogger('WARN') });
  const codePath = await prebuiltPath();
  await writeFile(`${codePath}.part`, code);
  const folder = join(CODE, 'workers');
  const earlier = (await readdir(folder)).filter((name) => name.startsWith(PREFIX) && name.endsWith(SUFFIX));
  for (const name of earlier) await rm(join(folder, name));
  await rename(`${codePath}.part`, codePath);
}

async function prebuiltPath(): Promise<string> {
  const digest = createHash('sha256');
  for (const folder of FOLDERS) {
    const names = await readdir(join(CODE, folder), { recursive: true });
    for (const name of names.filter((each) => each.endsWith('.js')).toSorted())
      digest.update(`${folder}/${name}\n`).update(await readFile(join(CODE, folder, name)));
  }
  return join(CODE, 'workers', `${PREFIX}${digest.digest('hex').slice(0, 16)}${SUFFIX}`);
}
