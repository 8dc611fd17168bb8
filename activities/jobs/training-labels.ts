/** What the labels of a part must be for a model to learn from them, or to be judged by them. */
import { DomainError } from '../../domain/errors.js';
import { MAX_CLASSES, type Task } from '../../domain/task.js';
import { TOLERATED_LABEL_SHARE } from '../../domain/training.js';
import { quoteText } from '../../ml/features/expression/sql.js';
import type { TableSession } from '../../store/contracts/tables.js';

/** Name of a class (VARCHAR) and its position (BIGINT), once the training part was seen. */
export const CLASS_TABLE = 'class_codes';

/**
 * The classes of the training part in order, empty unless multiclass, and leaves {@link CLASS_TABLE}. Throws
 * `PRN_TRAINING_ONE_CLASS`, `PRN_TRAINING_CONSTANT_TARGET` or `PRN_TRAINING_TOO_MANY_CLASSES`; a part without rows is left
 * to whoever counts them.
 */
export async function classesOf(session: TableSession, table: string, task: Task): Promise<string[]> {
  const found = await session.rows(
    `select label, count(*) as rows from ${table} group by label order by label limit ${MAX_CLASSES + 1}`,
  );
  const [first, second] = found;
  if (first !== undefined && second === undefined) {
    const { label: value, rows } = first;
    if (task === 'regression') throw new DomainError('PRN_TRAINING_CONSTANT_TARGET', { rows, value });
    throw new DomainError('PRN_TRAINING_ONE_CLASS', { rows });
  }
  if (task !== 'multiclass') return [];
  if (found.length > MAX_CLASSES) throw new DomainError('PRN_TRAINING_TOO_MANY_CLASSES', { limit: MAX_CLASSES });
  const classes = found.map(({ label }) => String(label)).toSorted();
  const names = classes.map(quoteText).join(', ');
  await session.execute(
    `create or replace temp table ${CLASS_TABLE} as select unnest([${names}]::varchar[]) as class, unnest(range(${classes.length})) as code`,
  );
  return classes;
}

/** Takes rows of a class that training never saw out of a part; how many. Throws `PRN_TRAINING_UNKNOWN_CLASS`. */
export async function dropUnknownClasses(session: TableSession, table: string): Promise<number> {
  const unknown = `label not in (select class from ${CLASS_TABLE})`;
  const [counts = {}] = await session.rows(
    `select count(*) as rows, count(*) filter (where ${unknown}) as refused, any_value(label) filter (where ${unknown}) as example from ${table}`,
  );
  const [rows, refused] = [Number(counts['rows']), Number(counts['refused'])];
  if (refused > rows * TOLERATED_LABEL_SHARE)
    throw new DomainError('PRN_TRAINING_UNKNOWN_CLASS', { refused, rows, example: counts['example'] });
  if (refused > 0) await session.execute(`delete from ${table} where ${unknown}`);
  return refused;
}
