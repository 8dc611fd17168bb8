/** SQL of dataset queries: the views a query may read, and what its parsed form must not contain. */
import type { DatasetSpec } from '../../domain/dataset.js';
import { datasetRelation, ROW, type SegmentFile } from './dataset-sql.js';
import { quoteIdentifier, quoteText } from './expression/sql.js';

export interface QueryView {
  readonly alias: string;
  readonly spec: DatasetSpec;
  readonly segments: readonly SegmentFile[];
}

/** Names of the views that are made for an alias. */
export function viewNames(alias: string): readonly [current: string, history: string] {
  return [alias, `${alias}_history`];
}

/**
 * Statements that make the views of one dataset: its columns and `known_ts` of the rows that no other restates, and all
 * rows with `superseded_ts` beside. A dataset that has such columns itself keeps its own.
 */
export function createViews({ alias, spec, segments }: QueryView): string[] {
  const own = spec.columns.map(({ name }) => name);
  const columns = own.map(quoteIdentifier);
  const facts = Object.entries({ known_ts: ROW.knownTs, superseded_ts: ROW.supersededTs })
    .filter(([name]) => !own.includes(name))
    .map(([name, value]) => `${value} as ${name}`);
  const known = facts.filter((fact) => fact.endsWith(' known_ts'));
  const relation = datasetRelation(spec, segments);
  const [current, history] = viewNames(alias).map(quoteIdentifier);
  return [
    `create or replace temp view ${history} as select ${[...columns, ...facts].join(', ')} from ${relation}`,
    `create or replace temp view ${current} as select ${[...columns, ...known].join(', ')} from ${relation} where ${ROW.supersededTs} is null`,
  ];
}

/** One row: the parsed form of a text (`tree`), and the functions whose results differ from run to run (`unstable`). */
export function parseQuery(sql: string): string {
  const unstable = `select list(distinct function_name order by function_name) from duckdb_functions() where stability <> 'CONSISTENT'`;
  return `select json_serialize_sql(${quoteText(sql)})::varchar as tree, array_to_string((${unstable}), ' ') as unstable`;
}

/** One row with the query as the parser writes it (`sql`): without comments, so that it can stand inside another. */
export function canonicalQuery(sql: string): string {
  return `select json_deserialize_sql(json_serialize_sql(${quoteText(sql)})) as sql`;
}

/** The rows in an order of their own values: a parallel plan has none, and the segment must come out the same again. */
export function orderedQuery(sql: string): string {
  return `select * from (${sql}\n) order by all`;
}

/** Table functions that read nothing. */
const PURE_TABLES = ['range', 'generate_series', 'unnest'];

/**
 * Says why a parsed query may not run, or null. It must be one SELECT that reads only the given views and its own common
 * tables, and whose result depends on nothing else.
 */
export function queryProblem(
  tree: string,
  rules: { views: readonly string[]; unstable: readonly string[] },
): string | null {
  const parsed: unknown = JSON.parse(tree);
  if (memberOf(parsed, 'error') === true) return `it is not one SELECT: ${String(memberOf(parsed, 'error_message'))}`;
  const statements = memberOf(parsed, 'statements');
  if (!Array.isArray(statements) || statements.length !== 1) return 'it must be exactly one SELECT';
  const nodes = [...objectsIn(statements)];
  const commons = nodes.flatMap((node) => commonTables(node));
  // A name that is no plain word could stand for a file outside the scope of its common table.
  const odd = commons.find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (odd !== undefined)
    return `its common table ${JSON.stringify(odd)} needs a name of letters, digits and underscores`;
  const known = new Set([...rules.views, ...commons].map((name) => name.toLowerCase()));
  for (const node of nodes) {
    const problem = tableProblem(node, { known, views: rules.views }) ?? functionProblem(node, rules.unstable);
    if (problem !== null) return problem;
  }
  return null;
}

function tableProblem(
  node: object,
  { known, views }: { known: ReadonlySet<string>; views: readonly string[] },
): string | null {
  switch (memberOf(node, 'type')) {
    case 'BASE_TABLE': {
      const parts = ['catalog_name', 'schema_name', 'table_name'].map((part) => String(memberOf(node, part)));
      const name = parts.filter((part) => part !== '').join('.');
      const isKnown = parts[0] === '' && parts[1] === '' && known.has(name.toLowerCase());
      return isKnown ? null : `it reads ${name}; it may read ${views.join(', ')}`;
    }
    case 'TABLE_FUNCTION': {
      const name = String(memberOf(memberOf(node, 'function'), 'function_name'));
      return PURE_TABLES.includes(name) ? null : `it calls the table function ${name}`;
    }
    case 'SHOW_REF':
      return 'it describes instead of reading rows';
    default:
      return null;
  }
}

function functionProblem(node: object, unstable: readonly string[]): string | null {
  const name = memberOf(node, 'function_name');
  if (typeof name !== 'string' || !unstable.includes(name.toLowerCase())) return null;
  return `${name}() gives something else each time; a version must come out the same again`;
}

function commonTables(node: object): string[] {
  const map = memberOf(memberOf(node, 'cte_map'), 'map');
  return Array.isArray(map) ? map.map((entry) => String(memberOf(entry, 'key'))) : [];
}

function* objectsIn(value: unknown): Generator<object> {
  if (typeof value !== 'object' || value === null) return;
  yield value;
  for (const member of Object.values(value)) yield* objectsIn(member);
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
