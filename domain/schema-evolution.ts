/** How the schema of a dataset with versions may change: it can only grow, because old rows stay as they are. */
import type { DatasetColumn, DatasetSpec } from './dataset.js';

export interface SchemaChange {
  readonly kind: 'added' | 'relaxed' | 'renamed' | 'dropped' | 'retyped' | 'required' | 'keys' | 'eventTime';
  /** The column it is about; null for the keys. */
  readonly column: string | null;
  readonly allowed: boolean;
  /** What changed and, where that is refused, what to write instead. */
  readonly message: string;
}

type Schema = Pick<DatasetSpec, 'columns' | 'keys' | 'eventTime'>;

/** All changes from one schema to another, in the order of the columns; the order of columns itself does not matter. */
export function schemaChanges(before: Schema, after: Schema): SchemaChange[] {
  const gone = before.columns.filter(({ name }) => !has(after, name));
  const fresh = after.columns.filter(({ name }) => !has(before, name));
  const renames = new Map(gone.flatMap((column) => renamed(column, { gone, fresh })));
  const changes = before.columns.flatMap((column) => {
    const next = after.columns.find(({ name }) => name === column.name);
    if (next !== undefined) return columnChanges(column, next);
    const successor = renames.get(column);
    return [successor === undefined ? dropped(column) : rename(column, successor)];
  });
  const successors = new Set(renames.values());
  const added = fresh.filter((column) => !successors.has(column)).map(addition);
  return [...changes, ...added, ...identityChanges(before, after)];
}

function has({ columns }: Schema, column: string): boolean {
  return columns.some(({ name }) => name === column);
}

/** A new column that reads what the lost one read, or the only new one of the type of the only lost one. */
function renamed(
  lost: DatasetColumn,
  { gone, fresh }: { gone: readonly DatasetColumn[]; fresh: readonly DatasetColumn[] },
): [DatasetColumn, DatasetColumn][] {
  const source = lost.from ?? lost.name;
  const alike = fresh.filter(({ type }) => type === lost.type);
  const only = gone.length === 1 && alike.length === 1 ? alike[0] : undefined;
  const successor = fresh.find(({ from }) => from === source) ?? only;
  return successor === undefined ? [] : [[lost, successor]];
}

function columnChanges(before: DatasetColumn, after: DatasetColumn): SchemaChange[] {
  const { name: column } = before;
  const changes: SchemaChange[] = [];
  if (before.type !== after.type)
    changes.push(
      refused(
        'retyped',
        column,
        `${column} was ${before.type} and is now ${after.type}: write \`type: ${before.type}\`, or add a nullable column of another name`,
      ),
    );
  if (before.nullable && !after.nullable)
    changes.push(refused('required', column, `${column} may be null in old rows: write \`nullable: true\``));
  if (!before.nullable && after.nullable)
    changes.push({ kind: 'relaxed', column, allowed: true, message: `${column} may be null from now on` });
  return changes;
}

function dropped({ name, type, nullable }: DatasetColumn): SchemaChange {
  const written = `{ name: ${name}, type: ${type}${nullable ? ', nullable: true' : ''} }`;
  return refused('dropped', name, `${name} is gone: put \`${written}\` back`);
}

function rename({ name }: DatasetColumn, successor: DatasetColumn): SchemaChange {
  const source = successor.from ?? successor.name;
  const reading = source === name ? '' : ` with \`from: ${source}\``;
  return refused('renamed', name, `${name} became ${successor.name}: keep \`name: ${name}\`${reading}`);
}

function addition({ name: column, nullable }: DatasetColumn): SchemaChange {
  if (nullable) return { kind: 'added', column, allowed: true, message: `${column} is new and null in old rows` };
  return refused('added', column, `${column} is new and old rows do not have it: write \`nullable: true\``);
}

function identityChanges(before: Schema, after: Schema): SchemaChange[] {
  const changes: SchemaChange[] = [];
  if (before.eventTime !== after.eventTime)
    changes.push(
      refused(
        'eventTime',
        after.eventTime,
        `eventTime was ${before.eventTime}: write \`eventTime: ${before.eventTime}\``,
      ),
    );
  const [old, next] = [before.keys, after.keys].map((keys) => `[${[...keys].sort().join(', ')}]`);
  if (old !== next) changes.push(refused('keys', null, `keys were ${old}: write \`keys: ${old}\``));
  return changes;
}

function refused(kind: SchemaChange['kind'], column: string | null, message: string): SchemaChange {
  return { kind, column, allowed: false, message };
}
