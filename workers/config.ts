/** What a worker process reads from its environment, once, at its start. */
import { cpus } from 'node:os';
import { z } from 'zod';
import { DomainError } from '../domain/errors.js';
import { Name } from '../domain/names.js';

const Commands = z.record(Name, z.array(z.string().min(1)).min(1));

function parseCommands(text: string, context: z.RefinementCtx): z.infer<typeof Commands> {
  try {
    return Commands.parse(JSON.parse(text));
  } catch {
    context.addIssue({ code: 'custom', message: 'expected {"name": ["/path/of/program", "argument"]} as JSON' });
    return z.NEVER;
  }
}

const Queue = z.enum(['orchestration', 'io', 'compute']);

export const WorkerConfig = z.object({
  MONGODB_URI: z.string().min(1),
  PERENNIAL_DATABASE: z.string().min(1).default('perennial'),
  TEMPORAL_ADDRESS: z.string().min(1),
  TEMPORAL_NAMESPACE: z.string().min(1).default('default'),
  /** Folder of artefacts and spill files. */
  PERENNIAL_DATA: z.string().min(1),
  PERENNIAL_SERVING_URL: z.url(),
  /** The key for serving processes that ask for one, or the file that holds it. */
  PERENNIAL_API_KEY: z.string().min(1).optional(),
  PERENNIAL_ADMIN_KEY_FILE: z.string().min(1).optional(),
  /** Folders that sources may be read from, separated by `:`. */
  PERENNIAL_SOURCES: z.string().default(''),
  /** Hosts that sources may be read from over HTTPS, separated by commas: `name` for port 443, else `name:port`. */
  PERENNIAL_SOURCE_HOSTS: z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((host) => host.trim().toLowerCase())
        .filter((host) => host !== ''),
    ),
  /** Bounds of one source: of what it unpacks to, and of the time it may take. */
  PERENNIAL_SOURCE_MAX_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(64 * 2 ** 30),
  PERENNIAL_SOURCE_MAX_SECONDS: z.coerce.number().positive().default(3_600),
  /** Commands that models may train with, as a JSON object: name → program (absolute path) and arguments. */
  PERENNIAL_TRAINER_COMMANDS: z
    .string()
    .default('{}')
    .transform((text, context) => parseCommands(text, context)),
  /** A command that reports nothing for so long is ended. */
  PERENNIAL_TRAINER_STALLED_SECONDS: z.coerce.number().positive().default(600),
  /** Where trainers on other machines reach the API; without it they need the data folder. */
  PERENNIAL_API_URL: z.url().optional(),
  PERENNIAL_QUEUES: z
    .string()
    .default('orchestration,io,compute')
    .transform((text) => z.array(Queue).min(1).parse(text.split(','))),
  PERENNIAL_WORKER_HEALTH_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  PERENNIAL_COMPUTE_THREADS: z.coerce
    .number()
    .int()
    .positive()
    .default(Math.max(1, cpus().length - 1)),
  PERENNIAL_TIMING: z.enum(['production', 'test']).default('production'),
  PERENNIAL_FAILPOINT: z.string().optional(),
  PERENNIAL_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
});
export type WorkerConfig = z.infer<typeof WorkerConfig>;

/** Parses the environment; throws `PRN_CONFIG_INVALID` with every problem at once. */
export function readWorkerConfig(environment: NodeJS.ProcessEnv): WorkerConfig {
  const parsed = WorkerConfig.safeParse(environment);
  if (parsed.success) return parsed.data;
  const problem = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  throw new DomainError('PRN_CONFIG_INVALID', { problem });
}
