/** Where the API answers and with which key: from the environment, or from the local stack's data folder. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type ApiClient, ApiError, createClient } from './client.js';
import { defaultDataDir } from './supervisor/data-dir.js';
import { readStackState } from './supervisor/stack-state.js';

export interface CliConnection {
  readonly api: ApiClient;
  /** Null where no serving process is known. */
  readonly serving: ApiClient | null;
}

export function connect(dataOption?: string): CliConnection {
  const dataDir = resolve(dataOption ?? defaultDataDir());
  const addresses = readStackState(dataDir)?.addresses ?? null;
  const baseUrl = process.env['PERENNIAL_API_URL'] ?? addresses?.apiUrl ?? null;
  if (baseUrl === null) {
    throw new ApiError(
      0,
      'PRN_STACK_NOT_RUNNING',
      `No stack is known in ${dataDir}. Run \`perennial up\`, name its folder with --data, or set PERENNIAL_API_URL and PERENNIAL_API_KEY.`,
    );
  }
  const key = process.env['PERENNIAL_API_KEY'] ?? readKey(addresses?.adminKeyFile ?? join(dataDir, 'admin-key'));
  const servingUrl = process.env['PERENNIAL_SERVING_URL'] ?? addresses?.servingUrl ?? null;
  return {
    api: createClient({ baseUrl, key }),
    serving: servingUrl === null ? null : createClient({ baseUrl: servingUrl, key }),
  };
}

function readKey(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    throw new ApiError(0, 'PRN_AUTH_MISSING', `No key in ${file}. Set PERENNIAL_API_KEY, or ask an admin for one.`);
  }
}
