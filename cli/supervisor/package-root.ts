import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DomainError } from '../../domain/errors.js';

/** Folder of the checkout, found from this file upwards, so that it is the same from sources and from `dist/`. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder)
      throw new DomainError('PRN_CONFIG_INVALID', { problem: 'no package.json above the program' });
    folder = parent;
  }
  return folder;
}
