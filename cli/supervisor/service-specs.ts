import { join } from 'node:path';
import { httpCheck } from './health.js';
import { packageRoot } from './package-root.js';
import { LOOPBACK } from './ports.js';
import type { ProcessSpec } from './supervised-process.js';

/** Our own processes: where their compiled entry lies and where they answer to a health check. */
const SERVICES = {
  worker: { entry: 'dist/workers/main.js', healthPath: '/healthz', stopGraceMs: 30_000 },
  api: { entry: 'dist/api/main.js', healthPath: '/healthz', stopGraceMs: 15_000 },
  serving: { entry: 'dist/serving/main.js', healthPath: '/v2/health/live', stopGraceMs: 20_000 },
} as const;

export type ServiceName = keyof typeof SERVICES;
export const SERVICE_NAMES: readonly ServiceName[] = ['worker', 'api', 'serving'];

export interface ServiceSpecInput {
  readonly name: ServiceName;
  readonly port: number;
  readonly env: NodeJS.ProcessEnv;
  readonly logPath: string;
}

/** One of our own processes; it reads everything it needs from its environment. */
export function serviceSpec({ name, ...input }: ServiceSpecInput): ProcessSpec {
  const { entry, healthPath, stopGraceMs } = SERVICES[name];
  const command = { command: process.execPath, args: ['--enable-source-maps', join(packageRoot(), entry)] };
  return { ...ownProcess(input, healthPath), ...command, name, stopGraceMs };
}

/** The Python worker, which trains what a built-in trainer does not. */
export function trainerSpec({
  interpreter,
  ...input
}: Omit<ServiceSpecInput, 'name'> & { readonly interpreter: string }): ProcessSpec {
  const { env, port } = input;
  const path = join(packageRoot(), 'trainers', 'python');
  return {
    ...ownProcess(input, '/healthz'),
    name: 'trainer',
    command: interpreter,
    args: ['-m', 'perennial_trainer'],
    env: { ...env, PYTHONPATH: path, PERENNIAL_TRAINER_HEALTH_PORT: String(port) },
    stopGraceMs: 20_000,
  };
}

function ownProcess({ port, env, logPath }: Omit<ServiceSpecInput, 'name'>, healthPath: string) {
  const address = `${LOOPBACK}:${port}`;
  const healthUrl = `http://${address}${healthPath}`;
  return {
    env,
    cwd: packageRoot(),
    logPath,
    address,
    healthUrl,
    isHealthy: httpCheck(healthUrl),
    startTimeoutMs: 90_000,
  };
}
