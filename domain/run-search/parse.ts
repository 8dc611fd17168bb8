/** The search language of MLflow for runs: conditions joined by AND, and the fields of an order. */
import { didYouMean } from '../names.js';
import {
  type ComparisonOperator,
  DATASET_FIELDS,
  isNumeric,
  RUN_ATTRIBUTES,
  type RunAttribute,
  type RunCondition,
  type RunField,
  type RunOrder,
} from './query.js';
import { invalid, type Token, tokenize } from './tokens.js';

/** Longest filter or order, in UTF-16 units. */
export const LONGEST_SEARCH_TEXT = 20_000;
const MOST_CONDITIONS = 100;

const KINDS: Readonly<Record<string, RunField['kind']>> = {
  metric: 'metric',
  metrics: 'metric',
  param: 'param',
  params: 'param',
  parameter: 'param',
  parameters: 'param',
  tag: 'tag',
  tags: 'tag',
  attribute: 'attribute',
  attributes: 'attribute',
  attr: 'attribute',
  run: 'attribute',
  dataset: 'dataset',
  datasets: 'dataset',
};
const ATTRIBUTE_ALIASES: Readonly<Record<string, RunAttribute>> = {
  'run name': 'run_name',
  'Run name': 'run_name',
  'Run Name': 'run_name',
  Created: 'start_time',
  created: 'start_time',
};

/** Reads words one after the other. */
class Words {
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(readonly text: string) {
    if (text.length > LONGEST_SEARCH_TEXT)
      throw invalid({ text, at: LONGEST_SEARCH_TEXT, problem: `longer than ${LONGEST_SEARCH_TEXT} characters` });
    this.#tokens = tokenize(text);
  }

  peek(): Token {
    return this.#tokens[this.#next] ?? { kind: 'end', text: '', at: this.text.length };
  }

  take(): Token {
    const token = this.peek();
    this.#next += 1;
    return token;
  }

  /** Takes the next word if it is this one of the language, in any case. */
  takeWord(word: string): boolean {
    const token = this.peek();
    const isIt = token.kind === 'word' && token.parts.length === 1 && token.text.toUpperCase() === word;
    if (isIt) this.#next += 1;
    return isIt;
  }

  fail(token: Token, expected: string): never {
    const got = token.kind === 'end' ? 'its end' : token.text;
    throw invalid({ text: this.text, at: token.at, problem: `expected ${expected}, got ${got}` });
  }
}

/** Conditions of a filter; none for an empty text. Throws `PRN_RUN_SEARCH_INVALID` with the position. */
export function parseRunFilter(text: string): RunCondition[] {
  const words = new Words(text);
  const conditions: RunCondition[] = [];
  if (words.peek().kind === 'end') return conditions;
  do {
    if (conditions.length === MOST_CONDITIONS) words.fail(words.peek(), `at most ${MOST_CONDITIONS} conditions`);
    conditions.push(readCondition(words));
  } while (words.takeWord('AND'));
  if (words.peek().kind !== 'end') words.fail(words.peek(), 'AND or the end (there is neither OR nor nesting)');
  return conditions;
}

/** One field of an order, such as `metrics.rmse DESC`; ascending where it does not say. */
export function parseRunOrder(text: string): RunOrder {
  const words = new Words(text);
  const start = words.peek();
  const field = readField(words);
  if (field.kind === 'dataset') words.fail(start, 'another field, since a run may have several datasets');
  const descending = words.takeWord('DESC');
  if (!descending) words.takeWord('ASC');
  if (words.peek().kind !== 'end') words.fail(words.peek(), 'ASC, DESC or the end');
  return { field, descending };
}

function readCondition(words: Words): RunCondition {
  const field = readField(words);
  const operator = readOperator(words, field);
  if (operator === 'IN' || operator === 'NOT IN') return { field, operator, value: readList(words) };
  const token = words.take();
  if (isNumeric(field)) {
    if (token.kind !== 'number') words.fail(token, `a number, since ${field.key} is one`);
    return { field, operator: operator as ComparisonOperator, value: token.value };
  }
  if (token.kind !== 'text') words.fail(token, `a text in quotes, since ${field.key} is one`);
  return { field, operator, value: token.value };
}

function readField(words: Words): RunField {
  const token = words.take();
  if (token.kind !== 'word') words.fail(token, 'a field, such as metrics.rmse, params.depth, tags.team or start_time');
  const [entity = '', key] = token.parts;
  if (key === undefined) return attribute(words, token, entity);
  const kind = Object.hasOwn(KINDS, entity) ? KINDS[entity] : undefined;
  if (kind === undefined) words.fail(token, 'metrics., params., tags., attributes. or datasets. before the key');
  if (kind === 'attribute') return attribute(words, token, key);
  if (kind !== 'dataset') return { kind, key };
  const found = DATASET_FIELDS.find((name) => name === key);
  if (found === undefined) words.fail(token, `one of datasets.${DATASET_FIELDS.join(', datasets.')}`);
  return { kind, key: found };
}

function attribute(words: Words, token: Token, name: string): RunField {
  const alias = Object.hasOwn(ATTRIBUTE_ALIASES, name) ? ATTRIBUTE_ALIASES[name] : undefined;
  const key = alias ?? RUN_ATTRIBUTES.find((each) => each === name);
  if (key === undefined)
    words.fail(token, `an attribute (${RUN_ATTRIBUTES.join(', ')})${didYouMean(name, RUN_ATTRIBUTES)}`);
  return { kind: 'attribute', key };
}

const NUMBER_OPERATORS = ['=', '!=', '>', '>=', '<', '<='] as const;
type Operator = RunCondition['operator'];

function readOperator(words: Words, field: RunField): Operator {
  const token = words.peek();
  const numeric = isNumeric(field);
  for (const word of ['LIKE', 'ILIKE', 'IN'] as const) if (!numeric && words.takeWord(word)) return word;
  if (!numeric && words.takeWord('NOT')) {
    if (words.takeWord('IN')) return 'NOT IN';
    words.fail(words.peek(), 'IN');
  }
  const allowed = numeric ? NUMBER_OPERATORS : NUMBER_OPERATORS.slice(0, 2);
  const found = token.kind === 'operator' ? allowed.find((operator) => operator === token.text) : undefined;
  if (found === undefined) words.fail(token, numeric ? allowed.join(' ') : '= != LIKE ILIKE IN or NOT IN');
  words.take();
  return found;
}

function readList(words: Words): string[] {
  const values: string[] = [];
  let token = words.take();
  if (token.kind !== 'operator' || token.text !== '(') words.fail(token, "a list, such as ('a', 'b')");
  do {
    token = words.take();
    if (token.kind !== 'text') words.fail(token, 'a text in quotes');
    values.push(token.value);
    token = words.take();
  } while (token.kind === 'operator' && token.text === ',');
  if (token.kind !== 'operator' || token.text !== ')') words.fail(token, ', or )');
  return values;
}
