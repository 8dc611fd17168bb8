/** The processes next to which we measure ourselves. */
import type { ChildProcess } from 'node:child_process';

/** The address that a forked server sends when it listens. */
export function firstMessage(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(typeof message === 'string' ? message : ''));
    child.once('exit', () => reject(new Error('the bare server ended')));
  });
}
