/**
 * Places where a fault test can end the worker as `kill -9` would. Armed only by `PERENNIAL_FAILPOINT=name@marker-file;…`
 * together with `PERENNIAL_TIMING=test`; the marker file makes it strike once, so that the next worker gets through. Under
 * `name+name@marker-file` each of the places is held until all of them have been reached: one end for several workflows.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { DomainError } from '../domain/errors.js';

export interface Failpoints {
  reach(name: string): Promise<void>;
}

interface ArmedPoint {
  readonly names: readonly string[];
  readonly marker: string;
  readonly reached: Set<string>;
}

export function createFailpoints(setting: string | undefined, timing: 'production' | 'test'): Failpoints {
  if (setting === undefined || setting === '') return { reach: () => Promise.resolve() };
  if (timing !== 'test')
    throw new DomainError('PRN_CONFIG_INVALID', {
      problem: 'PERENNIAL_FAILPOINT is refused unless PERENNIAL_TIMING=test',
    });
  const armed = setting.split(';').map(parseFailpoint);
  return {
    reach: (name) => {
      const point = armed.find(({ names }) => names.includes(name));
      if (point === undefined || existsSync(point.marker)) return Promise.resolve();
      point.reached.add(name);
      if (point.reached.size === point.names.length) {
        writeFileSync(point.marker, `${process.pid}\n`);
        process.kill(process.pid, 'SIGKILL');
      }
      // The signal arrives between two turns of the event loop; nothing may happen until it does.
      return new Promise(() => undefined);
    },
  };
}

function parseFailpoint(text: string): ArmedPoint {
  const separator = text.indexOf('@');
  const names = text.slice(0, Math.max(0, separator)).split('+');
  const marker = text.slice(separator + 1);
  if (separator < 1 || marker === '' || names.includes('')) {
    throw new DomainError('PRN_CONFIG_INVALID', {
      problem: 'PERENNIAL_FAILPOINT must be name@marker-file or name+name@marker-file, several separated by semicolons',
    });
  }
  return { names, marker, reached: new Set() };
}
