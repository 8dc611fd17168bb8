/** The wire: microseconds become ISO times in documents, and in the schemas that describe them; everything else stays. */
import { z } from 'zod';
import { micros, parseIso, toIso } from '../domain/time.js';

const TIME_FIELDS = new Set([
  'at',
  'asOf',
  'from',
  'fromCut',
  'holdoutFrom',
  'holdoutTo',
  'notBefore',
  'sealedThrough',
  'throughCut',
  'to',
  'toCut',
  'trainFrom',
  'trainTo',
  'validFrom',
  'validTo',
  'watermark',
  'windowEnd',
  'windowStart',
]);

function isTimeField(name: string): boolean {
  return TIME_FIELDS.has(name) || name.endsWith('Ts') || name.endsWith('At');
}

/** A document as callers see it. */
export function present(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(present);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, presentMember(key, member)]));
}

function presentMember(key: string, member: unknown): unknown {
  if (isTimeField(key) && typeof member === 'number' && Number.isSafeInteger(member)) return toIso(micros(member));
  return present(member);
}

/** The JSON schema of a presented document: what {@link present} makes of values of this schema. */
export function presentSchema(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _dialect, ...described } = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' });
  const presented = presentNode(described);
  return isRecord(presented) ? presented : {};
}

function presentNode(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(presentNode);
  if (!isRecord(node)) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, member]) => [
      key,
      key === 'properties' && isRecord(member) ? presentProperties(member) : presentNode(member),
    ]),
  );
}

function presentProperties(properties: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, node]) => [name, isTimeField(name) ? timeNode(node) : presentNode(node)]),
  );
}

/** Integers become times, also as one branch among others (nullable). */
function timeNode(node: unknown): unknown {
  if (!isRecord(node)) return node;
  if (node['type'] === 'integer') return { type: 'string', format: 'date-time' };
  return Array.isArray(node['anyOf']) ? { ...node, anyOf: node['anyOf'].map(timeNode) } : presentNode(node);
}

/** A time as callers write it: ISO 8601 or whole microseconds. Throws `PRN_TIME_INVALID`. */
export function readTime(value: string | number): number {
  return typeof value === 'number' ? micros(value) : parseIso(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
