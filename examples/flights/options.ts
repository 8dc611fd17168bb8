/** Command line of the demo. */
import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** Stop everything after the story instead of staying up. */
  readonly exit: boolean;
  /** Write the summary here. */
  readonly jsonFile: string | null;
  /** Leave approvals to the person watching. */
  readonly interactive: boolean;
  readonly dataDir: string;
  /** Trainer of the Python worker to use in place of the built-in one. */
  readonly trainer: string | null;
}

export const USAGE = `Usage: npm run demo [-- --exit] [-- --json FILE] [-- --interactive] [-- --data DIR] [-- --trainer sklearn|lightgbm]`;

export function readOptions(args: readonly string[]): DemoOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      exit: { type: 'boolean', default: false },
      json: { type: 'string' },
      interactive: { type: 'boolean', default: false },
      data: { type: 'string', default: '.perennial' },
      trainer: { type: 'string' },
    },
  });
  return {
    exit: values.exit,
    jsonFile: values.json ?? null,
    interactive: values.interactive,
    dataDir: values.data,
    trainer: values.trainer ?? null,
  };
}
