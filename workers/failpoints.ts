/**
 * Places where a fault test can end the worker as `kill -9` would. Armed only by `PERENNIAL_FAILPOINT=name@marker-file;…`
 * together with `PERENNIAL_TIMING=test`; the marker file makes it strike once, so that the next worker gets through.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { DomainError } from '../domain/errors.js';

export interface Failpoints {
  reach(name: string): Promise<void>;
}

export function createFailpoints(setting: string | undefined, timing: 'production' | 'test'): Failpoints {
  if (setting === undefined || setting === '') return { reach: () => Promise.resolve() };
  if (timing !== 'test')
    throw new DomainError('PRN_CONFIG_INVALID', {
      problem: 'PERENNIAL_FAILPOINT is refused unless PERENNIAL_TIMING=test',
    });
  const armed = new Map(setting.split(';').map(parseFailpoint));
  return {
    reach: (name) => {
      const marker = armed.get(name);
      if (marker === undefined || existsSync(marker)) return Promise.resolve();
      writeFileSync(marker, `${process.pid}\n`);
      process.kill(process.pid, 'SIGKILL');
      // The signal arrives between two turns of the event loop; nothing may happen until it does.
      return new Promise(() => undefined);
    },
  };
}

function parseFailpoint(text: string): [name: string, marker: string] {
  const separator = text.indexOf('@');
  const marker = text.slice(separator + 1);
  if (separator < 1 || marker === '') {
    throw new DomainError('PRN_CONFIG_INVALID', {
      problem: 'PERENNIAL_FAILPOINT must be name@marker-file, several separated by semicolons',
    });
  }
  return [text.slice(0, separator), marker];
}
