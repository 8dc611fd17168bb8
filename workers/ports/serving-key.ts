/** The key that this worker shows to serving processes. */
import { readFile } from 'node:fs/promises';
import type { ServingKey } from './serving-port.js';

/** The key itself, or the file that holds it: the API writes that at its first start, which may come later than ours. */
export function servingKey(configured: {
  readonly key?: string | undefined;
  readonly file?: string | undefined;
}): ServingKey {
  const { key, file } = configured;
  if (key !== undefined) return () => Promise.resolve(key);
  if (file === undefined) return () => Promise.resolve(null);
  return async () => {
    const text = (await readFile(file, 'utf8').catch(() => '')).trim();
    return text === '' ? null : text;
  };
}
