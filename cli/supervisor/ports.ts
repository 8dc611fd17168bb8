import { createServer } from 'node:net';
import { DomainError } from '../../domain/errors.js';

export const LOOPBACK = '127.0.0.1';

/** One port to choose: what it is for, the option that fixes it, and where it would like to be. */
export interface PortWish {
  readonly process: string;
  readonly option: string;
  readonly preferred: number;
  /** Chosen by the user: used, or refused with `PRN_PORT_IN_USE`. */
  readonly fixed?: number | undefined;
}

/** Chooses loopback ports for one stack; never gives the same port twice. `free` ignores the preferred numbers. */
export class PortChooser {
  readonly #mode: 'preferred' | 'free';
  readonly #taken = new Set<number>();

  constructor(mode: 'preferred' | 'free') {
    this.#mode = mode;
  }

  async choose(wish: PortWish): Promise<number> {
    const port = await this.#pick(wish);
    this.#taken.add(port);
    return port;
  }

  async #pick({ process, option, preferred, fixed }: PortWish): Promise<number> {
    if (fixed !== undefined) {
      if (!this.#taken.has(fixed) && (await isPortFree(fixed))) return fixed;
      throw new DomainError('PRN_PORT_IN_USE', { port: fixed, process, option });
    }
    if (this.#mode === 'preferred' && !this.#taken.has(preferred) && (await isPortFree(preferred))) return preferred;
    for (;;) {
      const port = await freePort();
      if (!this.#taken.has(port)) return port;
    }
  }
}

/** True if a server could listen on this loopback port now. */
export async function isPortFree(port: number): Promise<boolean> {
  return listenOnce(port).then(
    () => true,
    () => false,
  );
}

/** A port number that the operating system gives out now. */
export async function freePort(): Promise<number> {
  return listenOnce(0);
}

async function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => {
      const address = server.address();
      const chosen = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(chosen));
    });
  });
}
