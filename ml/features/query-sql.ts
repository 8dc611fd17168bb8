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

/** Names that mean the time, the session or its user where no column has them. */
const SESSION_WORDS =
  /^(current_(catalog|date|role|schema|time|timestamp|user)|localtime|localtimestamp|session_user|user)$/i;
/** Functions that the engine itself calls consistent, although they tell of the session, and one that only waits. */
const SESSION_FUNCTIONS = ['current_localtime', 'current_localtimestamp', 'current_setting', 'getvariable', 'pg_sleep'];

interface QueryRules {
  readonly views: readonly string[];
  readonly unstable: readonly string[];
}

/**
 * Says why a parsed query may not run, or null. It must be one SELECT that reads only the given views and its own common
 * tables, and whose result depends on nothing else.
 */
export function queryProblem(tree: string, { views, unstable }: QueryRules): string | null {
  const parsed: unknown = JSON.parse(tree);
  if (memberOf(parsed, 'error') === true) return `it is not one SELECT: ${String(memberOf(parsed, 'error_message'))}`;
  const statements = memberOf(parsed, 'statements');
  if (!Array.isArray(statements) || statements.length !== 1) return 'it must be exactly one SELECT';
  const rules = { views, unstable: [...unstable, ...SESSION_FUNCTIONS] };
  return problemIn(statements, new Set(views.map((name) => name.toLowerCase())), rules);
}

/** `known` are the tables in scope: a common table is one only behind its own definition, inside the query it belongs to. */
function problemIn(value: unknown, known: ReadonlySet<string>, rules: QueryRules): string | null {
  if (typeof value !== 'object' || value === null) return null;
  const own = tableProblem(value, known, rules) ?? sampleProblem(value) ?? unstableProblem(value, rules);
  if (own !== null) return own;
  const scope = new Set(known);
  for (const { name, body } of commonTables(value)) {
    // A name that is no plain word could stand for a file outside the scope of its common table.
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      return `its common table ${JSON.stringify(name)} needs a name of letters, digits and underscores`;
    const problem = problemIn(body, scope, rules);
    if (problem !== null) return problem;
    scope.add(name.toLowerCase());
  }
  const isRecursive = memberOf(value, 'type') === 'RECURSIVE_CTE_NODE';
  const repeated = isRecursive ? new Set([...scope, String(memberOf(value, 'cte_name')).toLowerCase()]) : scope;
  for (const [member, child] of Object.entries(value)) {
    const problem = member === 'cte_map' ? null : problemIn(child, member === 'right' ? repeated : scope, rules);
    if (problem !== null) return problem;
  }
  return null;
}

function tableProblem(node: object, known: ReadonlySet<string>, { views }: QueryRules): string | null {
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

function sampleProblem(node: object): string | null {
  const sample = memberOf(node, 'sample');
  if (sample === undefined || sample === null) return null;
  return 'it takes a sample, which is another one each time; choose rows by their values';
}

function unstableProblem(node: object, { unstable }: QueryRules): string | null {
  const parts = memberOf(node, 'type') === 'COLUMN_REF' ? memberOf(node, 'column_names') : null;
  const word = Array.isArray(parts) && parts.length === 1 ? String(parts[0]) : '';
  const name = memberOf(node, 'function_name');
  const called = typeof name === 'string' ? name.toLowerCase() : '';
  const children = memberOf(node, 'children');
  // With one argument it is the age of today.
  const isAgeNow = called === 'age' && Array.isArray(children) && children.length === 1;
  if (!SESSION_WORDS.test(word) && !isAgeNow && !unstable.includes(called)) return null;
  const what = called === '' ? `${word}, unless a table's name stands before it,` : `${called}()`;
  return `${what} gives something else each time; a version must come out the same again`;
}

function commonTables(node: object): { name: string; body: unknown }[] {
  const map = memberOf(memberOf(node, 'cte_map'), 'map');
  return Array.isArray(map)
    ? map.map((entry) => ({ name: String(memberOf(entry, 'key')), body: memberOf(entry, 'value') }))
    : [];
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
