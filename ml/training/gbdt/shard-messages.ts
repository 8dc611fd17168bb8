/** Operations as a few integers in the shared memory, which is how threads are told what to do. */
import type { ShardOperation } from './shard.js';

/** Places in the control integers; the first one holds the number of nodes of the tree. */
export const SEQUENCE = 1;
export const DONE = 2;
export const FAILED = 3;
const KIND = 4;
const FIRST = 5;
const SECOND = 6;

const KINDS = ['end', 'measure', 'gradients', 'begin', 'split', 'fill', 'scores'] as const;

export function writeOperation(control: Int32Array, operation: ShardOperation | { readonly kind: 'end' }): void {
  control[KIND] = KINDS.indexOf(operation.kind);
  control[FIRST] = 'node' in operation ? operation.node : 'output' in operation ? operation.output : 0;
  control[SECOND] =
    'iteration' in operation
      ? operation.iteration
      : 'node' in operation && 'output' in operation
        ? operation.output
        : 0;
}

/** Null at the end of the training. */
export function readOperation(control: Int32Array): ShardOperation | null {
  const [kind, first = 0, second = 0] = control.subarray(KIND, SECOND + 1);
  switch (KINDS[kind ?? 0]) {
    case 'measure':
      return { kind: 'measure' };
    case 'gradients':
      return { kind: 'gradients' };
    case 'begin':
      return { kind: 'begin', output: first, iteration: second };
    case 'split':
      return { kind: 'split', node: first };
    case 'fill':
      return { kind: 'fill', node: first, output: second };
    case 'scores':
      return { kind: 'scores', output: first };
    default:
      return null;
  }
}
