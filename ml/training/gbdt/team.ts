/** Who does the work of the shards: this thread alone, or several threads that share the memory. */
import { loadFillKernel } from './histogram-kernel.js';
import { type BoosterMemory, viewMemory } from './memory.js';
import { runOperation, type ShardArrays, type ShardOperation } from './shard.js';

/** Threads at work on one training. */
export interface ShardTeam {
  /** Does the operation for all shards, and returns when all are done. */
  run(operation: ShardOperation): void;
  /** Lets the threads go; the team is not used any more. */
  end(): void;
}

/** Starts teams. The same trees come out whichever team does the work. */
export interface ShardTeams {
  /** Shards that a training is divided into; 1 to 16. */
  readonly shards: number;
  start(memory: BoosterMemory): ShardTeam;
}

/** Does all the work in the calling thread, one shard after the other. */
export function soloTeams(shards = 1): ShardTeams {
  return {
    shards,
    start: (memory) => {
      const arrays = openMemory(memory);
      return { run: (operation) => runAll(arrays, operation), end: () => {} };
    },
  };
}

/** The memory as a thread sees it. */
export function openMemory(memory: BoosterMemory): ShardArrays {
  return { ...viewMemory(memory), fill: loadFillKernel(memory.memory) };
}

/** Does the operation for every shard in this thread: cheaper than waking others where rows are few. */
export function runAll(arrays: ShardArrays, operation: ShardOperation): void {
  for (let shard = 0; shard < arrays.layout.shards; shard += 1) runOperation(arrays, shard, operation);
}
