/** `api`, `serve`, `worker`: one process in the foreground, configured by its environment. */
import type { Command } from 'commander';

export function registerProcessCommands(program: Command): void {
  program
    .command('api')
    .description('run the API process')
    .action(() => run('../../api/main.js'));
  program
    .command('serve')
    .description('run a serving process')
    .action(() => run('../../serving/main.js'));
  program
    .command('worker')
    .description('run a worker process')
    .option('--queues <names>', 'orchestration, io and compute, separated by commas')
    .action((options: { queues?: string }) => {
      if (options.queues !== undefined) process.env['PERENNIAL_QUEUES'] = options.queues;
      return run('../../workers/main.js');
    });
}

async function run(entry: string): Promise<void> {
  await import(new URL(entry, import.meta.url).href);
}
