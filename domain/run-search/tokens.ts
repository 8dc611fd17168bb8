/** The words of the search language. */
import { DomainError } from '../errors.js';

export type Token =
  | { readonly kind: 'operator'; readonly text: string; readonly at: number }
  | { readonly kind: 'number'; readonly value: number; readonly text: string; readonly at: number }
  /** In single or double quotes, a doubled quote inside standing for one. */
  | { readonly kind: 'text'; readonly value: string; readonly text: string; readonly at: number }
  /** A field as it is written, such as `` metrics.`my key` ``, or a word of the language. */
  | { readonly kind: 'word'; readonly parts: readonly string[]; readonly text: string; readonly at: number }
  | { readonly kind: 'end'; readonly text: ''; readonly at: number };

const SPACE = /\s+/y;
const OPERATOR = /!=|>=|<=|=|>|<|\(|\)|,/y;
const NUMBER = /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])/y;
const TEXT = /'((?:[^']|'')*)'|"((?:[^"]|"")*)"/y;
/** An entity, a dot and a key: bare, in backticks or in double quotes. Or one bare word. */
const WORD = /([A-Za-z_]+)\.(?:`([^`]*)`|"((?:[^"]|"")*)"|([^\s=!<>(),'"`]+))|`([^`]*)`|([^\s=!<>(),'"`]+)/y;

/** Splits a text into words. Throws `PRN_RUN_SEARCH_INVALID`. */
export function tokenize(text: string): Token[] {
  const zero = text.indexOf('\0');
  if (zero !== -1)
    throw invalid({ text: text.replaceAll('\0', '␀'), at: zero, problem: 'a zero character, which no run has' });
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at += match(SPACE, text, at)?.[0].length ?? 0;
    if (at >= text.length) return [...tokens, { kind: 'end', text: '', at }];
    const token = tokenAt(text, at);
    if (token === null) throw invalid({ text, at, problem: 'a quote that nothing closes, or a sign that no word has' });
    tokens.push(token);
    at += token.text.length;
  }
}

/** An error of a text of this language; positions count from 1. */
export function invalid(found: { readonly text: string; readonly at: number; readonly problem: string }): DomainError {
  const shown = found.text.length > 200 ? `${found.text.slice(0, 200)}…` : found.text;
  return new DomainError('PRN_RUN_SEARCH_INVALID', { text: shown, position: found.at + 1, problem: found.problem });
}

function tokenAt(text: string, at: number): Token | null {
  const operator = match(OPERATOR, text, at);
  if (operator !== null) return { kind: 'operator', text: operator[0], at };
  const number = match(NUMBER, text, at);
  if (number !== null) return { kind: 'number', value: Number(number[0]), text: number[0], at };
  const quoted = match(TEXT, text, at);
  if (quoted !== null) {
    const [whole, single, double] = quoted;
    return { kind: 'text', value: single?.replaceAll("''", "'") ?? undouble(double), text: whole, at };
  }
  const word = match(WORD, text, at);
  if (word === null) return null;
  const [whole, entity, ticked, quotedKey, bareKey, tickedWord, bareWord] = word;
  const key = ticked ?? (quotedKey === undefined ? bareKey : undouble(quotedKey));
  const parts = entity === undefined ? [tickedWord ?? bareWord ?? ''] : [entity, key ?? ''];
  return { kind: 'word', parts, text: whole, at };
}

function undouble(text = ''): string {
  return text.replaceAll('""', '"');
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
