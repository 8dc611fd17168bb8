import { spawn } from 'node:child_process';
import { join } from 'node:path';

/**
 * Runs a compiled program of this checkout in the foreground, in the caller's working directory.
 * @param {string} root folder of the checkout
 * @param {string} entry path below it
 * @param {{ args: readonly string[], env: NodeJS.ProcessEnv }} options
 * @returns {Promise<number>} its exit code
 */
export function runEntry(root, entry, { args, env }) {
  // Ctrl-C reaches the program by itself, as a member of the terminal's group; this process only has to outlive it.
  process.on('SIGINT', () => {});
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--enable-source-maps', join(root, entry), ...args], {
      env,
      stdio: 'inherit',
    });
    process.on('SIGTERM', () => child.kill('SIGTERM'));
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 1)));
  });
}
