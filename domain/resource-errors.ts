/** Parses declared documents and explains what does not fit: where, what was expected, what came, and the nearest name. */
import { z } from 'zod';
import { DomainError } from './errors.js';
import { didYouMean, nearestName } from './names.js';
import { API_VERSION, Resource, RESOURCE_KINDS } from './resources.js';

/** Parses one document. `where` names its origin, such as a file and line. Throws `PRN_RESOURCE_INVALID`. */
export function parseResource(document: unknown, where: string): Resource {
  if (!isRecord(document))
    throw invalid(
      where,
      'expected a document with apiVersion, kind, metadata and spec',
      'Look at examples/flights/resources.',
    );
  const { apiVersion, kind } = document;
  if (apiVersion !== API_VERSION)
    throw invalid(where, `apiVersion is ${show(apiVersion)}, expected ${API_VERSION}`, '');
  if (typeof kind !== 'string' || !RESOURCE_KINDS.some((known) => known === kind)) {
    throw invalid(
      where,
      `there is no kind ${show(kind)}${didYouMean(String(kind), RESOURCE_KINDS)}`,
      `Kinds are ${RESOURCE_KINDS.join(', ')}.`,
    );
  }
  const parsed = Resource.safeParse(document);
  if (parsed.success) return parsed.data;
  const issue = mostSpecific(parsed.error.issues);
  throw invalid(`${where}, ${kind} ${nameOf(document)}`, describeIssue(issue, document), remedyOf(issue));
}

function nameOf(document: Record<string, unknown>): string {
  const { metadata } = document;
  return isRecord(metadata) && typeof metadata['name'] === 'string' ? metadata['name'] : '(without a name)';
}

type Issue = z.core.$ZodIssue;

/** Of a union's branches the one that got furthest says most about what was meant. */
function mostSpecific(issues: readonly Issue[]): Issue {
  // A mistyped field also leaves the right one missing; the slip is what the reader must see.
  const first = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  if (first === undefined) throw new RangeError('a failed parse has issues');
  if (first.code !== 'invalid_union' || first.errors.length === 0) return first;
  const branches = first.errors.flatMap((branch) => (branch.length === 0 ? [] : [mostSpecific(branch)]));
  const best = branches.reduce<Issue | null>(
    (chosen, issue) => (chosen === null || depth(issue) > depth(chosen) ? issue : chosen),
    null,
  );
  return best === null ? first : { ...best, path: [...first.path, ...best.path] };
}

/** An unknown field tells more about a slip than a missing one of another shape. */
function depth(issue: Issue): number {
  return issue.path.length * 2 + (issue.code === 'unrecognized_keys' ? 1 : 0);
}

function describeIssue(issue: Issue, document: unknown): string {
  const path = issue.path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
  const at = path === '' ? 'the document' : path;
  const got = show(valueAt(document, issue.path));
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    const known = knownFields(issue.path, document);
    const near = nearestName(key, known);
    return `${at} has the unknown field ${short(key)}${near === undefined ? '' : `; did you mean ${near}?`}`;
  }
  return `${at}: ${lowerFirst(issue.message)}, got ${got}`;
}

function remedyOf(issue: Issue): string {
  return issue.code === 'unrecognized_keys'
    ? 'Unknown fields are refused so that a typing slip cannot change what runs.'
    : '';
}

/** Field names that the schema knows at a path: taken from the JSON schema, so that every kind is covered. */
function knownFields(path: readonly PropertyKey[], document: unknown): string[] {
  const kind = isRecord(document) ? document['kind'] : undefined;
  const schema: unknown = z.toJSONSchema(Resource, { io: 'input', unrepresentable: 'any' });
  const branches = alternatives(schema).filter((branch) => isRecord(branch) && constOf(branch, 'kind') === kind);
  const reached = path.reduce<unknown[]>(
    (nodes, part) => nodes.flatMap((node) => alternatives(step(node, part))),
    branches,
  );
  return [
    ...new Set(
      reached.flatMap((node) =>
        isRecord(node) && isRecord(node['properties']) ? Object.keys(node['properties']) : [],
      ),
    ),
  ];
}

function alternatives(node: unknown): unknown[] {
  if (!isRecord(node)) return [];
  const options = node['oneOf'] ?? node['anyOf'];
  return Array.isArray(options) ? options.flatMap(alternatives) : [node];
}

function step(node: unknown, part: PropertyKey): unknown {
  if (!isRecord(node)) return undefined;
  if (typeof part === 'number') return node['items'];
  return isRecord(node['properties']) ? node['properties'][String(part)] : node['additionalProperties'];
}

function constOf(branch: Record<string, unknown>, field: string): unknown {
  const properties = branch['properties'];
  const schema = isRecord(properties) ? properties[field] : undefined;
  return isRecord(schema) ? schema['const'] : undefined;
}

function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) => (typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined),
    document,
  );
}

/** A value for a message: short, and never walked into deeper than a reader would. */
function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const lists = Array.isArray(value) ? 'a list' : 'an object';
  if (typeof value === 'object' && value !== null && Object.values(value).some(isNested)) return lists;
  return short(JSON.stringify(value));
}

function isNested(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function short(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function invalid(where: string, problem: string, remedy: string): DomainError {
  return new DomainError('PRN_RESOURCE_INVALID', { where, problem, remedy });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
