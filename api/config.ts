/** What the API process reads from its environment, once. */
import { z } from 'zod';
import { DomainError } from '../domain/errors.js';

export const ApiConfig = z.object({
  MONGODB_URI: z.string().min(1),
  PERENNIAL_DATABASE: z.string().min(1).default('perennial'),
  TEMPORAL_ADDRESS: z.string().min(1),
  TEMPORAL_NAMESPACE: z.string().min(1).default('default'),
  PERENNIAL_DATA: z.string().min(1),
  PERENNIAL_HOST: z.string().default('127.0.0.1'),
  PERENNIAL_API_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  /** Bound of one upload, as it comes. */
  PERENNIAL_UPLOAD_MAX_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(64 * 2 ** 30),
  /** Event streams that may be open at the same time; each looks for news a few times a second. */
  PERENNIAL_EVENT_STREAM_LIMIT: z.coerce.number().int().positive().default(200),
  PERENNIAL_ADMIN_KEY_FILE: z.string().min(1),
  PERENNIAL_TIMING: z.enum(['production', 'test']).default('production'),
  PERENNIAL_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
});
export type ApiConfig = z.infer<typeof ApiConfig>;

export function readApiConfig(environment: NodeJS.ProcessEnv): ApiConfig {
  const parsed = ApiConfig.safeParse(environment);
  if (parsed.success) return parsed.data;
  const problem = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  throw new DomainError('PRN_CONFIG_INVALID', { problem });
}
