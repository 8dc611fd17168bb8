import type { Command } from 'commander';
import { resolve } from 'node:path';
import { renderAddresses } from '../addresses.js';
import { defaultDataDir, requireRunningStack } from '../supervisor/data-dir.js';
import { httpCheck, reasonOf, tcpCheck } from '../supervisor/health.js';
import type { ProcessState, StackState } from '../supervisor/stack-state.js';

/** Adds `perennial status`: every process of the running stack with a health check made now. Exit code 1 if one fails. */
export function registerStatusCommand(program: Command): void {
  program
    .command('status')
    .description('show the processes of the local stack, their addresses and whether they answer')
    .option('--data <folder>', 'data folder of the stack', defaultDataDir())
    .option('-o, --output <format>', 'table or json', 'table')
    .action(async (options: { data: string; output: string }) => {
      const { supervisorPid, state } = requireRunningStack(options.data);
      const processes = await Promise.all(state.processes.map(checkNow));
      const report = {
        phase: state.phase,
        dataDir: resolve(options.data),
        supervisorPid,
        addresses: state.addresses,
        processes,
      };
      process.stdout.write(options.output === 'json' ? `${JSON.stringify(report, null, 2)}\n` : renderTable(report));
      if (processes.some(({ problem }) => problem !== null)) process.exitCode = 1;
    });
}

interface CheckedProcess extends Omit<ProcessState, 'identity' | 'healthUrl'> {
  /** Null: it answered just now. */
  readonly problem: string | null;
}

interface StatusReport {
  readonly phase: StackState['phase'];
  readonly dataDir: string;
  readonly addresses: StackState['addresses'];
  readonly processes: readonly CheckedProcess[];
}

async function checkNow({ identity: _identity, healthUrl, ...shown }: ProcessState): Promise<CheckedProcess> {
  const check = healthUrl === null ? tcpCheck(shown.address) : httpCheck(healthUrl);
  const problem = await check().then(() => null, reasonOf);
  return { ...shown, problem };
}

function renderTable({ phase, dataDir, addresses, processes }: StatusReport): string {
  const rows = [
    ['PROCESS', 'STATUS', 'PID', 'RESTARTS', 'ADDRESS', 'LOG'],
    ...processes.map(({ name, status, problem, pid, restarts, address, logPath }) => [
      name,
      problem === null ? status : `${status}: ${problem}`,
      String(pid ?? '-'),
      String(restarts),
      address,
      logPath,
    ]),
  ];
  const widths = (rows[0] ?? []).map((_title, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const more = addresses === null ? '' : `\n${renderAddresses(addresses)}\n`;
  return `${phase}, data in ${dataDir}\n${more}\n${lines.join('\n')}\n`;
}
