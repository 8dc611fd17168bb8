/**
 * What the process knows about MongoDB, and the one way to ask it something while a caller waits: a question that cannot
 * be answered ends soon, as `PRN_UNAVAILABLE`, instead of holding the request until the driver gives up.
 */
import { DomainError, isDomainError } from '../domain/errors.js';

export interface StoreHealth {
  /** The route watch says whether it follows changes. */
  watched(healthy: boolean): void;
  /** Runs a heart-beat; one that fails or takes long means that MongoDB is away. */
  beat(write: () => Promise<void>): Promise<void>;
  /** True while routes may be old: serving goes on with the last ones. */
  isDegraded(): boolean;
  /** False once a heart-beat failed, until one succeeds. */
  isReachable(): boolean;
  /** True from the first time that the routes were read. */
  hasRoutes(): boolean;
}

const SLOW_BEAT_MS = 2_000;
const ANSWER_MS = 2_000;

export function createStoreHealth(): StoreHealth {
  let following = false;
  let hasRoutes = false;
  let reachable = true;
  return {
    watched(healthy) {
      following = healthy;
      hasRoutes ||= healthy;
    },
    async beat(write) {
      const slow = setTimeout(() => (reachable = false), SLOW_BEAT_MS);
      try {
        await write();
        reachable = true;
      } catch {
        reachable = false;
      } finally {
        clearTimeout(slow);
      }
    },
    isDegraded: () => !following || !reachable,
    isReachable: () => reachable,
    hasRoutes: () => hasRoutes,
  };
}

export interface StoreAccess {
  /** Throws `PRN_UNAVAILABLE` naming `what` when MongoDB is away or slow; catalogue errors pass through. */
  ask<T>(what: string, question: () => Promise<T>, timeoutMs?: number): Promise<T>;
}

export function createStoreAccess(
  health: Pick<StoreHealth, 'isReachable'>,
  onProblem: (what: string, error: unknown) => void,
): StoreAccess {
  return {
    async ask(what, question, timeoutMs = ANSWER_MS) {
      if (!health.isReachable()) throw new DomainError('PRN_UNAVAILABLE', { what, reason: 'the connection is lost' });
      let timer: NodeJS.Timeout | undefined;
      const tooSlow = new Promise<never>((_resolve, reject) => {
        const reason = `no answer within ${timeoutMs / 1_000} s`;
        timer = setTimeout(() => reject(new DomainError('PRN_UNAVAILABLE', { what, reason })), timeoutMs);
      });
      try {
        return await Promise.race([question(), tooSlow]);
      } catch (error) {
        if (isDomainError(error)) throw error;
        onProblem(what, error);
        throw new DomainError('PRN_UNAVAILABLE', { what, reason: 'the database refused' }, { cause: error });
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
