/** What the serving process reads from its environment, once. */
import { z } from 'zod';
import { DomainError } from '../domain/errors.js';

const LOOPBACK = ['127.0.0.1', 'localhost', '::1'];

export const ServingConfig = z
  .object({
    MONGODB_URI: z.string().min(1),
    PERENNIAL_DATABASE: z.string().min(1).default('perennial'),
    PERENNIAL_DATA: z.string().min(1),
    PERENNIAL_HOST: z.string().default('127.0.0.1'),
    PERENNIAL_SERVING_PORT: z.coerce.number().int().min(0).max(65_535).default(8090),
    /** `key` demands an API key on every request; the default away from loopback. */
    PERENNIAL_SERVING_AUTH: z.enum(['open', 'key']).optional(),
    PERENNIAL_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
  })
  .transform((config) => ({
    ...config,
    auth:
      config.PERENNIAL_SERVING_AUTH ??
      (LOOPBACK.includes(config.PERENNIAL_HOST) ? ('open' as const) : ('key' as const)),
  }));
export type ServingConfig = z.infer<typeof ServingConfig>;

export function readServingConfig(environment: NodeJS.ProcessEnv): ServingConfig {
  const parsed = ServingConfig.safeParse(environment);
  if (parsed.success) return parsed.data;
  const problem = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  throw new DomainError('PRN_CONFIG_INVALID', { problem });
}
