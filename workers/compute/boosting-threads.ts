/** Gradient boosting in several threads: the calling one does the first shard, a worker thread each of the others. */
import { Worker } from 'node:worker_threads';
import { DomainError } from '../../domain/errors.js';
import type { BoosterMemory } from '../../ml/training/gbdt/memory.js';
import { runOperation, type ShardOperation } from '../../ml/training/gbdt/shard.js';
import { DONE, FAILED, SEQUENCE, writeOperation } from '../../ml/training/gbdt/shard-messages.js';
import { openMemory, type ShardTeam, type ShardTeams, soloTeams } from '../../ml/training/gbdt/team.js';

const DEFAULT_LOST_AFTER_MS = 60_000;
const SPINS = 20_000;

export interface BoostingThreadsOptions {
  /** The calling thread is one of them; 1 starts none. */
  readonly threads: number;
  /** Module that a thread starts with; the product's own unless a test brings another. */
  readonly entry?: URL;
  /** A thread that answers nothing for so long is lost: an operation takes about a second at most. */
  readonly lostAfterMs?: number;
}

export function boostingThreads(options: BoostingThreadsOptions): ShardTeams {
  const {
    threads,
    entry = new URL('./boosting-thread.js', import.meta.url),
    lostAfterMs = DEFAULT_LOST_AFTER_MS,
  } = options;
  if (threads <= 1) return soloTeams();
  return { shards: threads, start: (memory) => startTeam(memory, { entry, lostAfterMs }) };
}

function startTeam(memory: BoosterMemory, { entry, lostAfterMs }: { entry: URL; lostAfterMs: number }): ShardTeam {
  const arrays = openMemory(memory);
  const { control, layout } = arrays;
  const helpers = Array.from(
    { length: layout.shards - 1 },
    (_unused, index) => new Worker(entry, { name: 'perennial-boosting', workerData: { memory, shard: index + 1 } }),
  );
  // The training thread hears of nothing before it is done; a lost helper shows in that it does not answer.
  for (const helper of helpers) helper.on('error', () => {});
  const tell = (operation: ShardOperation | { readonly kind: 'end' }): void => {
    writeOperation(control, operation);
    Atomics.store(control, DONE, 0);
    Atomics.add(control, SEQUENCE, 1);
    Atomics.notify(control, SEQUENCE);
  };
  return {
    run(operation) {
      tell(operation);
      runOperation(arrays, 0, operation);
      awaitHelpers(control, { helpers: helpers.length, lostAfterMs });
    },
    end() {
      tell({ kind: 'end' });
      for (const helper of helpers) void helper.terminate();
    },
  };
}

/** Throws `PRN_COMPUTE_INTERRUPTED` where a thread failed or was lost. */
function awaitHelpers(control: Int32Array, { helpers, lostAfterMs }: { helpers: number; lostAfterMs: number }): void {
  for (let spin = 0; spin < SPINS; spin += 1) if (Atomics.load(control, DONE) === helpers) break;
  for (let done = Atomics.load(control, DONE); done < helpers; done = Atomics.load(control, DONE)) {
    if (Atomics.wait(control, DONE, done, lostAfterMs) === 'timed-out')
      throw new DomainError('PRN_COMPUTE_INTERRUPTED', { reason: 'a thread of the training does not answer' });
  }
  if (Atomics.load(control, FAILED) !== 0)
    throw new DomainError('PRN_COMPUTE_INTERRUPTED', { reason: 'a thread of the training failed' });
}
