/** Entry of a thread that helps to train: does one shard's part of every operation until the training ends. */
import { workerData } from 'node:worker_threads';
import type { BoosterMemory } from '../../ml/training/gbdt/memory.js';
import { runOperation } from '../../ml/training/gbdt/shard.js';
import { DONE, FAILED, readOperation, SEQUENCE } from '../../ml/training/gbdt/shard-messages.js';
import { openMemory } from '../../ml/training/gbdt/team.js';

// The border: boosting-threads.ts passes exactly this object as worker data.
const { memory, shard } = workerData as { memory: BoosterMemory; shard: number };
const arrays = openMemory(memory);
const { control } = arrays;

for (let seen = 0; ; seen += 1) {
  awaitChange(seen);
  const operation = readOperation(control);
  if (operation === null) break;
  try {
    runOperation(arrays, shard, operation);
  } catch (error) {
    Atomics.store(control, FAILED, 1);
    throw error;
  } finally {
    Atomics.add(control, DONE, 1);
    Atomics.notify(control, DONE);
  }
}

/** Looks for a short while before it sleeps: the next operation often follows at once. */
function awaitChange(seen: number): void {
  const SPINS = 2_000;
  for (let spin = 0; spin < SPINS; spin += 1) if (Atomics.load(control, SEQUENCE) !== seen) return;
  while (Atomics.load(control, SEQUENCE) === seen) Atomics.wait(control, SEQUENCE, seen);
}
