/** The expression language of features, labels and expectations, as a tree. Positions are 1-based, for error messages. */

/** What an expression gives. */
export type ExpressionType = 'number' | 'boolean' | 'text' | 'timestamp';

export type BinaryOperator = '+' | '-' | '*' | '/' | '==' | '!=' | '<' | '<=' | '>' | '>=' | 'and' | 'or';
export type UnaryOperator = '-' | 'not';

export type Expression =
  | { readonly kind: 'number'; readonly value: number; readonly position: number }
  | { readonly kind: 'text'; readonly value: string; readonly position: number }
  | { readonly kind: 'boolean'; readonly value: boolean; readonly position: number }
  | { readonly kind: 'column'; readonly name: string; readonly position: number }
  | {
      readonly kind: 'unary';
      readonly operator: UnaryOperator;
      readonly operand: Expression;
      readonly position: number;
    }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
      readonly position: number;
    }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[]; readonly position: number };

/** A node and all nodes below it, outermost first, in order of appearance. */
export function nodesOf(expression: Expression): Expression[] {
  switch (expression.kind) {
    case 'unary':
      return [expression, ...nodesOf(expression.operand)];
    case 'binary':
      return [expression, ...nodesOf(expression.left), ...nodesOf(expression.right)];
    case 'call':
      return [expression, ...expression.args.flatMap(nodesOf)];
    default:
      return [expression];
  }
}

/** Names of the columns an expression reads, each once, in order of appearance. */
export function columnsOf(expression: Expression): string[] {
  return [...new Set(nodesOf(expression).flatMap((node) => (node.kind === 'column' ? [node.name] : [])))];
}
