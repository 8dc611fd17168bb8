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
    /** Where serving listens, if not where the other processes do. */
    PERENNIAL_SERVING_HOST: z.string().optional(),
    PERENNIAL_SERVING_PORT: z.coerce.number().int().min(0).max(65_535).default(8090),
    /** `key` demands an API key on every request; the default away from loopback. */
    PERENNIAL_SERVING_AUTH: z.enum(['open', 'key']).optional(),
    /** How long a feature row that was read may be answered again, milliseconds; 0 reads each time. */
    PERENNIAL_FEATURE_CACHE_MS: z.coerce.number().int().min(0).max(86_400_000).default(0),
    /** Rows in that cache. */
    PERENNIAL_FEATURE_CACHE_ENTRIES: z.coerce.number().int().min(1).max(10_000_000).default(100_000),
    PERENNIAL_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
  })
  .transform((config) => {
    const host = config.PERENNIAL_SERVING_HOST ?? config.PERENNIAL_HOST;
    const auth = config.PERENNIAL_SERVING_AUTH ?? (LOOPBACK.includes(host) ? ('open' as const) : ('key' as const));
    return { ...config, host, auth };
  });
export type ServingConfig = z.infer<typeof ServingConfig>;

/** Throws `PRN_CONFIG_INVALID` naming every wrong variable. */
export function readServingConfig(environment: NodeJS.ProcessEnv): ServingConfig {
  const parsed = ServingConfig.safeParse(environment);
  if (parsed.success) return parsed.data;
  const problem = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  throw new DomainError('PRN_CONFIG_INVALID', { problem });
}
