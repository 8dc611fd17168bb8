import { ROOT, ensureSetup, runScript } from './setup.mjs';
import { runEntry } from './support/entry.mjs';

await runScript(async () => {
  const python = process.argv.some((argument) => argument.startsWith('--trainer'));
  const { seconds } = await ensureSetup({ python });
  const env = { ...process.env, PERENNIAL_SETUP_SECONDS: seconds.toFixed(1) };
  return runEntry(ROOT, 'dist/examples/flights/main.js', { args: process.argv.slice(2), env });
});
