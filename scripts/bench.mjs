import { ROOT, ensureSetup, runScript } from './setup.mjs';
import { runEntry } from './support/entry.mjs';

await runScript(async () => {
  // Training is measured beside LightGBM.
  await ensureSetup({ python: process.argv.includes('train') });
  return runEntry(ROOT, 'dist/bench/main.js', { args: process.argv.slice(2), env: process.env });
});
