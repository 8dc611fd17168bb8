/** Text → tree: a lexer and a precedence-climbing parser. Errors name the position and what was expected. */
import { DomainError } from '../../../domain/errors.js';
import type { BinaryOperator, Expression } from './ast.js';

interface Token {
  readonly kind: 'number' | 'text' | 'name' | 'symbol' | 'end';
  readonly text: string;
  readonly position: number;
}

const TOKEN_PATTERN =
  /\s*(?:(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|'((?:[^']|'')*)'|([A-Za-z_][A-Za-z0-9_]*)|(==|!=|<=|>=|[-+*/()<>,]))/y;

/** From loose to tight. Comparisons do not chain. */
const PRECEDENCE: Readonly<Record<BinaryOperator, number>> = {
  or: 1,
  and: 2,
  '==': 4,
  '!=': 4,
  '<': 4,
  '<=': 4,
  '>': 4,
  '>=': 4,
  '+': 5,
  '-': 5,
  '*': 6,
  '/': 6,
};
const NOT_PRECEDENCE = 3;
const NEGATION_PRECEDENCE = 7;
const MAX_DEPTH = 100;

/** Parses an expression; throws `PRN_EXPRESSION_INVALID`. */
export function parseExpression(text: string): Expression {
  const parser = new Parser(text, tokenize(text));
  return parser.parse();
}

export function expressionError(expression: string, position: number, problem: string): DomainError {
  return new DomainError('PRN_EXPRESSION_INVALID', { expression, position, problem });
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  while (text.slice(offset).trim() !== '') {
    TOKEN_PATTERN.lastIndex = offset;
    const match = TOKEN_PATTERN.exec(text);
    const start = offset + (text.slice(offset).length - text.slice(offset).trimStart().length);
    if (match === null) throw expressionError(text, start + 1, `unexpected ${JSON.stringify(text[start] ?? '')}`);
    const [, number, quoted, name, symbol] = match;
    const position = start + 1;
    if (number !== undefined) tokens.push({ kind: 'number', text: number, position });
    else if (quoted !== undefined) tokens.push({ kind: 'text', text: quoted.replaceAll("''", "'"), position });
    else if (name !== undefined) tokens.push({ kind: 'name', text: name, position });
    else tokens.push({ kind: 'symbol', text: symbol ?? '', position });
    offset = TOKEN_PATTERN.lastIndex;
  }
  tokens.push({ kind: 'end', text: 'the end', position: text.length + 1 });
  return tokens;
}

class Parser {
  #next = 0;
  #depth = 0;

  constructor(
    private readonly text: string,
    private readonly tokens: readonly Token[],
  ) {}

  parse(): Expression {
    const expression = this.#expression(0);
    const rest = this.#peek();
    if (rest.kind !== 'end') throw this.#unexpected(rest, 'an operator or the end');
    return expression;
  }

  #expression(minimum: number): Expression {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH)
      throw expressionError(this.text, this.#peek().position, `it is nested deeper than ${MAX_DEPTH} levels`);
    let left = this.#operand();
    for (;;) {
      const token = this.#peek();
      const operator = this.#binaryOperator(token);
      if (operator === null || PRECEDENCE[operator] < minimum) break;
      this.#next += 1;
      const right = this.#expression(PRECEDENCE[operator] + 1);
      left = { kind: 'binary', operator, left, right, position: token.position };
    }
    this.#depth -= 1;
    return left;
  }

  #operand(): Expression {
    const token = this.#peek();
    const { position } = token;
    this.#next += 1;
    if (token.kind === 'number') return { kind: 'number', value: Number(token.text), position };
    if (token.kind === 'text') return { kind: 'text', value: token.text, position };
    if (token.text === '-' && token.kind === 'symbol')
      return { kind: 'unary', operator: '-', operand: this.#expression(NEGATION_PRECEDENCE), position };
    if (token.text === '(' && token.kind === 'symbol') {
      const inner = this.#expression(0);
      this.#expect(')');
      return inner;
    }
    if (token.kind !== 'name') throw this.#unexpected(token, 'a column, a number, a text or a function');
    if (token.text === 'not')
      return { kind: 'unary', operator: 'not', operand: this.#expression(NOT_PRECEDENCE), position };
    if (token.text === 'true' || token.text === 'false')
      return { kind: 'boolean', value: token.text === 'true', position };
    if (this.#peek().text === '(' && this.#peek().kind === 'symbol')
      return { kind: 'call', name: token.text, args: this.#arguments(), position };
    return { kind: 'column', name: token.text, position };
  }

  #arguments(): Expression[] {
    this.#expect('(');
    const args: Expression[] = [];
    if (this.#peek().text === ')' && this.#peek().kind === 'symbol') {
      this.#next += 1;
      return args;
    }
    for (;;) {
      args.push(this.#expression(0));
      const token = this.#peek();
      if (token.kind === 'symbol' && token.text === ')') break;
      this.#expect(',');
    }
    this.#expect(')');
    return args;
  }

  #binaryOperator(token: Token): BinaryOperator | null {
    if (token.kind !== 'symbol' && token.text !== 'and' && token.text !== 'or') return null;
    return token.kind !== 'text' && Object.hasOwn(PRECEDENCE, token.text) ? (token.text as BinaryOperator) : null;
  }

  #expect(symbol: string): void {
    const token = this.#peek();
    if (token.kind !== 'symbol' || token.text !== symbol) throw this.#unexpected(token, JSON.stringify(symbol));
    this.#next += 1;
  }

  #peek(): Token {
    return (
      this.tokens[Math.min(this.#next, this.tokens.length - 1)] ?? {
        kind: 'end',
        text: 'the end',
        position: this.text.length + 1,
      }
    );
  }

  #unexpected(token: Token, wanted: string): DomainError {
    const got = token.kind === 'end' ? 'the end' : JSON.stringify(token.text);
    return expressionError(this.text, token.position, `expected ${wanted}, got ${got}`);
  }
}
