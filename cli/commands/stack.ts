import type { Command } from 'commander';
import { registerDoctorCommand } from './doctor.js';
import { registerDownCommand } from './down.js';
import { registerStatusCommand } from './status.js';
import { registerUpCommand } from './up.js';

/** Adds `up`, `down`, `status` and `doctor`: the commands that concern the local stack rather than the API. */
export function registerStackCommands(program: Command): void {
  registerUpCommand(program);
  registerDownCommand(program);
  registerStatusCommand(program);
  registerDoctorCommand(program);
}
