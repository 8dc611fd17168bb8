import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

export const PROCESS_NAMES = ['mongod', 'temporal', 'worker', 'api', 'serving', 'trainer'] as const;
export const ProcessName = z.enum(PROCESS_NAMES);
export type ProcessName = z.infer<typeof ProcessName>;

/** One supervised process as written to the state file; `pid` and `identity` are null while it is not running. */
export const ProcessState = z.object({
  name: ProcessName,
  pid: z.int().nullable(),
  identity: z.string().nullable(),
  status: z.enum(['starting', 'healthy', 'unhealthy', 'restarting', 'stopped']),
  restarts: z.int().min(0),
  address: z.string(),
  healthUrl: z.string().nullable(),
  logPath: z.string(),
});
export type ProcessState = z.infer<typeof ProcessState>;

/** Where each part of a stack answers. Null: this stack has no such process. */
export const StackAddresses = z.object({
  mongodbUri: z.string(),
  database: z.string(),
  temporalAddress: z.string(),
  temporalNamespace: z.string(),
  webUiUrl: z.string().nullable(),
  apiUrl: z.string().nullable(),
  servingUrl: z.string().nullable(),
  adminKeyFile: z.string(),
});
export type StackAddresses = z.infer<typeof StackAddresses>;

/** Content of `<data>/state.json`: what `perennial status` and the command line read to find a running stack. */
export const StackState = z.object({
  phase: z.enum(['starting', 'running', 'stopping', 'stopped', 'failed']),
  /** Why the phase is `failed`. */
  problem: z.string().nullable(),
  supervisorPid: z.int(),
  startedAt: z.iso.datetime(),
  addresses: StackAddresses.nullable(),
  processes: z.array(ProcessState),
});
export type StackState = z.infer<typeof StackState>;

/** Replaces the state file at once, readable by its owner only; a reader sees the old or the new text, never half of one. */
export function writeStackState(dataDir: string, state: StackState): void {
  const path = statePath(dataDir);
  const next = `${path}.next`;
  writeFileSync(next, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(next, path);
}

/** The state file of a data folder; undefined where no stack ever ran or another version wrote it. */
export function readStackState(dataDir: string): StackState | undefined {
  try {
    return StackState.parse(JSON.parse(readFileSync(statePath(dataDir), 'utf8')));
  } catch {
    return undefined;
  }
}

function statePath(dataDir: string): string {
  return join(dataDir, 'state.json');
}
