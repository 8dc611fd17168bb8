import { ROOT, ensureSetup, runScript } from './setup.mjs';
import { runEntry } from './support/entry.mjs';

await runScript(async () => {
  await ensureSetup();
  return runEntry(ROOT, 'dist/bench/main.js', { args: process.argv.slice(2), env: process.env });
});
