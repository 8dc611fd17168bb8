/**
 * Which expressions give the same bits everywhere. A value that may differ in its last bits must not decide anything:
 * where it meets a threshold, the smallest difference would become another answer.
 */
import { type Expression, nodesOf } from './ast.js';
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

/**
 * How far apart, in float32 ulp, two back-ends may be: 0 for an exact expression. log, exp and pow differ by at most 2 ulp
 * of float64 (measured), so that the cast to float32 falls on one of two neighbours; each of them and each arithmetic
 * operation over them may add one. Where operands nearly cancel the true difference can be greater: such an expression
 * fails its certificate and needs a `quantize`.
 */
export function ulpLimit(node: Expression, text: string): number {
  if (exactnessOf(node, text) === 'exact') return 0;
  const adds = (each: Expression): boolean =>
    (each.kind === 'binary' || (each.kind === 'call' && FUNCTIONS[each.name]?.operationClass === 'bounded')) &&
    exactnessOf(each, text) === 'bounded';
  return nodesOf(node).filter(adds).length;
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
