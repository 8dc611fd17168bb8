/** The `perennial` command. Exit codes: 0 done, 1 refused or failed, 2 wrong usage. */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { isDomainError } from '../domain/errors.js';
import { ApiError } from './client.js';
import { registerCiCommand } from './commands/ci.js';
import { registerDataCommands } from './commands/data.js';
import { registerDatasetCommands } from './commands/dataset.js';
import { registerFeatureCommands } from './commands/features.js';
import { registerModelCommands } from './commands/models.js';
import { registerOperationCommands } from './commands/operations.js';
import { registerProcessCommands } from './commands/processes.js';
import { registerQuarantineCommands } from './commands/quarantine.js';
import { registerResourceCommands } from './commands/resources.js';
import { registerRunCommands } from './commands/runs.js';
import { registerStackCommands } from './commands/stack.js';
import { registerTrainCommand } from './commands/train.js';
import { registerValidateCommand } from './commands/validate.js';

const USAGE_ERROR = 2;

const program = new Command('perennial')
  .description('Keeps machine-learning models alive in production')
  .version('0.1.0')
  .exitOverride();
registerStackCommands(program);
registerProcessCommands(program);
registerResourceCommands(program);
registerDataCommands(program);
registerDatasetCommands(program);
registerFeatureCommands(program);
registerValidateCommand(program);
registerQuarantineCommands(program);
registerTrainCommand(program);
registerCiCommand(program);
registerModelCommands(program);
registerRunCommands(program);
registerOperationCommands(program);
overrideExits(program);

try {
  await program.parseAsync(process.argv);
} catch (error) {
  process.exitCode = report(error);
}

/** Sub-commands inherit neither exit handling nor output on their own. */
function overrideExits(command: Command): void {
  for (const child of command.commands) {
    child.exitOverride();
    overrideExits(child);
  }
}

function report(error: unknown): number {
  // Commander tells of its own findings itself, but not of what a command throws.
  if (error instanceof InvalidArgumentError) console.error(`error: ${error.message}`);
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_ERROR;
  if (error instanceof ApiError || isDomainError(error)) {
    console.error(`${error.code}\n${error.message}`);
    return 1;
  }
  console.error(error instanceof Error ? error.message : String(error));
  return 1;
}
