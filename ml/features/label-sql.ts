/** SQL over the spine's columns of what a training row has beside its inputs: label, weight, side of the split. */
import type { ModelSpec } from '../../domain/model.js';
import type { SplitSpec } from '../../domain/split.js';
import type { Task } from '../../domain/task.js';
import type { ExpressionType } from './expression/ast.js';
import { checkExpression, type ColumnTypes } from './expression/check.js';
import { expressionError } from './expression/parse.js';
import { quoteIdentifier, quoteText, renderSql } from './expression/sql.js';

export interface LabelSql {
  /** What the expression gives; null where the outcome is not known. */
  readonly given: string;
  /** SQL of the label from SQL of what is given: DOUBLE, or VARCHAR for classes; null where it is none that the task takes. */
  readonly labelOf: (given: string) => string;
  /** What the task takes, in words. */
  readonly expected: string;
}

const LABEL_TYPES: Readonly<Record<Task, readonly ExpressionType[]>> = {
  binary: ['boolean', 'number'],
  multiclass: ['text', 'number', 'boolean'],
  regression: ['number', 'boolean'],
};

/** Throws `PRN_EXPRESSION_INVALID`, also for a type that the task cannot predict. */
export function labelSql({ task, label }: Pick<ModelSpec, 'task' | 'label'>, columns: ColumnTypes): LabelSql {
  const checked = checkExpression(label.expression, columns);
  const { type, tree } = checked;
  if (!LABEL_TYPES[task].includes(type))
    throw expressionError(
      label.expression,
      tree.position,
      `the label of a ${task} model must be a ${LABEL_TYPES[task].join(' or a ')}, got a ${type}`,
    );
  const given = `(${renderSql(checked)})`;
  if (task === 'binary')
    return {
      given,
      labelOf: (value) => `case when ${value}::double in (0, 1) then ${value}::double end`,
      expected: 'true, false, 1 or 0',
    };
  if (task === 'regression')
    return {
      given,
      labelOf: (value) => `case when ${isFinite(`${value}::double`)} then ${value}::double end`,
      expected: 'a finite number',
    };
  return { given, labelOf: (value) => classSql(value, type), expected: 'a text, a whole number or a truth value' };
}

/** Classes are texts; an empty one is none. */
function classSql(given: string, type: ExpressionType): string {
  if (type === 'text') return `nullif(${given}, '')`;
  if (type === 'boolean') return `${given}::varchar`;
  return `case when ${given}::double = floor(${given}::double) then try_cast(${given} as bigint)::varchar end`;
}

/** DOUBLE, null where it is no finite number above 0 in float32; without a declared weight null. Throws `PRN_EXPRESSION_INVALID`. */
export function weightSql({ weight }: Pick<ModelSpec, 'weight'>, columns: ColumnTypes): string | null {
  if (weight === undefined) return null;
  const checked = checkExpression(weight.expression, columns);
  if (checked.type !== 'number' && checked.type !== 'boolean')
    throw expressionError(weight.expression, checked.tree.position, `a weight must be a number, got a ${checked.type}`);
  const value = `(${renderSql(checked)})::double`;
  return `case when ${isFinite(value)} and try_cast(${value} as real) > 0 then ${value} end`;
}

/** Trainers keep numbers in float32, beyond whose range a cast fails. */
function isFinite(number: string): string {
  return `coalesce(isfinite(try_cast(${number} as real)), false)`;
}

/** Keep the sides, and those within the training part, apart from every other use of the same digest. */
const SIDE_SALT = 'perennial.split';
const INNER_SALT = 'perennial.split.inner';
const HASH_VALUES = 2 ** 32;

/** True where a row is held out, null where it has no key: by the first 32 bits of an MD5 over its key columns. */
export function hashSideSql(columns: readonly string[], share: number): string {
  return `(${hashBitsSql(columns, SIDE_SALT)} < ${Math.round(share * HASH_VALUES)})`;
}

/** DOUBLE in [0, 1), the same for rows with the same key columns, whatever side of the split they are on. */
export function innerDrawSql(columns: readonly string[]): string {
  return `(${hashBitsSql(columns, INNER_SALT)}::double / ${HASH_VALUES})`;
}

function hashBitsSql(columns: readonly string[], salt: string): string {
  return `('0x' || substr(md5(${quoteText(salt)} || ${keySql(columns)}), 1, 8))::ubigint`;
}

/** VARCHAR that tells key values apart; null where one of them is. Lengths keep ('a', 'bc') and ('ab', 'c') apart. */
function keySql(columns: readonly string[]): string {
  const texts = columns.map((column) => `${quoteIdentifier(column)}::varchar`);
  return texts.map((text) => `'|' || length(${text})::varchar || ':' || ${text}`).join(' || ');
}

/** VARCHAR of the group or key that a row was put on its side by; null where the split is by time. */
export function groupSql(split: SplitSpec): string | null {
  if ('hash' in split) return keySql(split.hash);
  return 'group' in split ? `${quoteIdentifier(split.group)}::varchar` : null;
}
