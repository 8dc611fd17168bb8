/** What a caller may send to a set of versions (request fields, view features to override), and what they answer. */
import type { Bundle } from '../domain/bundle.js';
import type { EndpointState } from '../domain/endpoint.js';
import type { TaskShape } from '../domain/task.js';
import type { RequestDatatype } from '../scoring/request-columns.js';
import { commonShape } from '../scoring/task-scores.js';

export interface FieldType {
  readonly datatype: RequestDatatype;
  readonly nullable: boolean;
}

export interface Contract {
  /** Everything that may come, by name. */
  readonly fields: ReadonlyMap<string, FieldType>;
  /** What must come. */
  readonly required: readonly string[];
  /** Request fields as metadata declares them, required or not, in order. */
  readonly declared: readonly string[];
  /** View features that a caller may send instead of having them looked up. */
  readonly overridable: readonly string[];
  /** In which all versions answer together. */
  readonly shape: TaskShape;
}

/**
 * The contract of all versions together. On a wall clock the event time may be left out when no model reads it: it is
 * now then.
 */
export function contractOf(
  bundles: readonly Bundle[],
  clock: EndpointState['clock'],
  shape: TaskShape = commonShape(bundles),
): Contract {
  const fields = new Map<string, FieldType>();
  const overridable = bundles.flatMap(({ plan }) =>
    plan.inputs.flatMap(({ name, datatype, source }) => {
      if (source.kind === 'view') fields.set(name, { datatype, nullable: true });
      return source.kind === 'view' ? [name] : [];
    }),
  );
  const required = new Set<string>();
  const declared = new Set<string>();
  for (const { request, eventTime, plan } of bundles) {
    const readsTime = plan.inputs.some(({ source }) => source.kind === 'request' && source.column === eventTime);
    for (const { name, datatype, nullable } of request) {
      fields.set(name, { datatype, nullable: nullable && (fields.get(name)?.nullable ?? true) });
      declared.add(name);
      if (name !== eventTime || readsTime || clock === 'event') required.add(name);
    }
  }
  return {
    fields,
    required: [...required],
    declared: [...declared],
    overridable: [...new Set(overridable)].filter((name) => !declared.has(name)),
    shape,
  };
}
