import { spawn } from 'node:child_process';

/**
 * Runs a program to its end and gives back its exit code and everything it printed.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, show?: boolean, timeoutMs?: number }} [options] `show` also passes the
 *   output through to this terminal.
 * @returns {Promise<{ code: number, output: string }>} `code` is 127 when the program does not exist.
 */
export function run(command, args, { cwd, env = process.env, show = false, timeoutMs } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs });
    let output = '';
    const collect = (stream) => (chunk) => {
      output += chunk;
      if (show) stream.write(chunk);
    };
    child.stdout.setEncoding('utf8').on('data', collect(process.stdout));
    child.stderr.setEncoding('utf8').on('data', collect(process.stderr));
    child.on('error', (error) => resolve({ code: 127, output: `${output}${error.message}` }));
    child.on('close', (code, signal) => resolve({ code: code ?? (signal ? 1 : 0), output }));
  });
}

/**
 * Like `run`, but a non-zero exit becomes an error that shows the end of the output.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {Parameters<typeof run>[2]} [options]
 * @returns {Promise<string>} what the program printed
 */
export async function runOrFail(command, args, options) {
  const { code, output } = await run(command, args, options);
  if (code === 0) return output;
  const tail = output.trimEnd().split('\n').slice(-15).join('\n');
  throw new Error(`\`${[command, ...args].join(' ')}\` failed with exit code ${code}:\n${tail}`);
}
