/**
 * Which expressions give the same bits everywhere. A value that may differ in its last bits must not decide anything:
 * where it meets a threshold, the smallest difference would become another answer.
 */
import type { Expression } from './ast.js';
import { FUNCTIONS } from './functions.js';
import { expressionError } from './parse.js';

/** `exact`: equal bits on every back-end; `bounded`: within a few units in the last place of float32. */
export type Exactness = 'exact' | 'bounded';

/** Exactness of an expression whose types are checked; throws `PRN_EXPRESSION_INVALID` where a bounded value decides. */
export function exactnessOf(node: Expression, text: string): Exactness {
  switch (node.kind) {
    case 'number':
    case 'text':
    case 'boolean':
    case 'column':
      return 'exact';
    case 'unary':
      return exactnessOf(node.operand, text);
    case 'binary':
      if (['+', '-', '*', '/'].includes(node.operator)) return worst([node.left, node.right], text);
      return requireExact([node.left, node.right], text);
    case 'call':
      return callExactness(node, text);
  }
}

function callExactness({ name, args }: Extract<Expression, { kind: 'call' }>, text: string): Exactness {
  switch (FUNCTIONS[name]?.operationClass) {
    case 'discontinuous':
      return requireExact(args, text);
    case 'bounded':
      worst(args, text);
      return 'bounded';
    case 'quantized':
      worst(args, text);
      return 'exact';
    default:
      return worst(args, text);
  }
}

function worst(nodes: readonly Expression[], text: string): Exactness {
  // Every operand is visited, since each may be refused.
  return nodes.map((node) => exactnessOf(node, text)).includes('bounded') ? 'bounded' : 'exact';
}

function requireExact(nodes: readonly Expression[], text: string): Exactness {
  for (const node of nodes) {
    if (exactnessOf(node, text) === 'exact') continue;
    throw expressionError(
      text,
      node.position,
      'this value comes from log, exp or pow, whose last bits differ between machines, so it cannot be compared, ' +
        'rounded or tested; put it on a grid first, such as quantize(…, 0.001)',
    );
  }
  return 'exact';
}
