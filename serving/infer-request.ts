/** Reads an Open Inference Protocol v2 request. Everything wrong is a 400 that names the input and what was expected. */
import type { Bundle } from '../domain/bundle.js';
import { DomainError } from '../domain/errors.js';
import { didYouMean } from '../domain/names.js';
import type { RequestColumn, RequestDatatype, RequestRows } from '../scoring/request-columns.js';

export interface InferRequest extends RequestRows {
  readonly id: string | undefined;
  /** Unit of each row for routing; null where each row is its own. */
  readonly units: readonly string[] | null;
  /** Requested outputs in order; null for all. */
  readonly outputs: readonly string[] | null;
}

export const OUTPUTS = ['probability', 'decision', 'prediction_id', 'model_version'] as const;
export const MAX_ROWS = 10_000;
const UNIT_INPUT = 'unit_id';

/** What a caller may send to a set of versions: request fields they need, and view features that may be overridden. */
export interface Contract {
  readonly required: ReadonlyMap<string, { readonly datatype: RequestDatatype; readonly nullable: boolean }>;
  readonly optional: ReadonlyMap<string, { readonly datatype: RequestDatatype; readonly nullable: boolean }>;
}

export function contractOf(bundles: readonly Bundle[]): Contract {
  const required = new Map(
    bundles.flatMap(({ request }) =>
      request.map(({ name, datatype, nullable }) => [name, { datatype, nullable }] as const),
    ),
  );
  const optional = new Map(
    bundles.flatMap(({ plan }) =>
      plan.inputs
        .filter(({ source }) => source.kind === 'view')
        .map(({ name, datatype }) => [name, { datatype, nullable: true }] as const),
    ),
  );
  return { required, optional };
}

export function parseInferRequest(body: string, contract: Contract, unitField: string | null): InferRequest {
  const document = parseObject(body);
  const inputs = document['inputs'];
  if (!Array.isArray(inputs)) throw invalid('inputs', 'an array of tensors is required');
  const columns = new Map<string, RequestColumn>();
  let rows: number | null = null;
  let units: readonly string[] | null = null;
  for (const input of inputs) {
    const column = parseTensor(input, contract);
    if (columns.has(column.name) || (column.name === UNIT_INPUT && units !== null))
      throw invalid(column.name, 'it is given twice');
    if (rows !== null && rows !== column.values.length)
      throw invalid(column.name, `it has ${column.values.length} rows, the inputs before have ${rows}`);
    rows = column.values.length;
    if (column.name === UNIT_INPUT) units = column.values.map(String);
    else columns.set(column.name, column);
  }
  for (const name of contract.required.keys()) if (!columns.has(name)) throw invalid(name, 'it is missing');
  if (rows === null || rows === 0) throw invalid('inputs', 'at least one row is required');
  if (rows > MAX_ROWS) throw invalid('inputs', `${rows} rows are more than the ${MAX_ROWS} that one request may have`);
  const count = rows;
  const { id, parameters } = document;
  if (id !== undefined && typeof id !== 'string') throw invalid('id', 'a string is expected');
  if (isObject(parameters) && typeof parameters['unit'] === 'string')
    units = Array.from({ length: count }, () => String(parameters['unit']));
  if (units === null && unitField !== null) units = columns.get(unitField)?.values.map(String) ?? null;
  return { id, rows: count, columns, units, outputs: parseOutputs(document['outputs']) };
}

function parseObject(body: string): Record<string, unknown> {
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch (error) {
    throw new DomainError('PRN_REQUEST_INVALID', {
      what: 'body',
      problem: `it is not JSON (${error instanceof Error ? error.message : 'unreadable'})`,
    });
  }
  if (!isObject(document))
    throw new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem: 'a JSON object is expected' });
  return document;
}

function parseOutputs(outputs: unknown): string[] | null {
  if (outputs === undefined) return null;
  if (!Array.isArray(outputs)) throw invalid('outputs', 'an array is expected');
  const names = outputs.map((output) => {
    const name = isObject(output) ? output['name'] : undefined;
    if (typeof name !== 'string' || !OUTPUTS.some((known) => known === name))
      throw invalid('outputs', `there is no output ${String(name)}; there are ${OUTPUTS.join(', ')}`);
    return name;
  });
  if (new Set(names).size !== names.length) throw invalid('outputs', 'an output already exists in the request');
  return names;
}

function parseTensor(input: unknown, contract: Contract): RequestColumn {
  if (!isObject(input)) throw invalid('inputs', 'each input must be an object');
  const { name, shape, datatype, data, parameters } = input;
  if (typeof name !== 'string') throw invalid('inputs', 'each input needs a name');
  const wanted =
    name === UNIT_INPUT
      ? { datatype: 'BYTES' as const, nullable: false }
      : (contract.required.get(name) ?? contract.optional.get(name));
  if (wanted === undefined) {
    const known = [...contract.required.keys(), ...contract.optional.keys()];
    throw invalid(
      name,
      `the model has no such input${didYouMean(name, known)}; it needs ${[...contract.required.keys()].join(', ')}`,
    );
  }
  if (isObject(parameters) && parameters['binary_data_size'] !== undefined)
    throw invalid(name, 'binary tensor data is not supported here; send JSON');
  if (typeof datatype !== 'string' || !accepts(wanted.datatype, datatype))
    throw invalid(name, `expected datatype ${wanted.datatype}, got ${String(datatype)}`);
  const rows = parseShape(name, shape);
  if (!Array.isArray(data)) throw invalid(name, 'data is missing or not an array');
  const flat = flatten(name, data, rows);
  return {
    name,
    datatype: wanted.datatype,
    values: flat.map((value, row) => readValue(value, { name, row, ...wanted })),
  };
}

/** [N] and [N,1] say the same. */
function parseShape(name: string, shape: unknown): number {
  const sizes: unknown[] = Array.isArray(shape) ? shape : [];
  const [rows, width = 1] = sizes;
  const valid =
    sizes.length >= 1 && sizes.length <= 2 && Number.isSafeInteger(rows) && Number(rows) >= 0 && width === 1;
  if (!valid) throw invalid(name, `expected shape [N] or [N,1], got ${JSON.stringify(shape) ?? 'none'}`);
  return Number(rows);
}

function flatten(name: string, data: readonly unknown[], rows: number): unknown[] {
  const nested = data.some(Array.isArray);
  const flat = nested
    ? data.map((row: unknown) => {
        if (!Array.isArray(row) || row.length !== 1)
          throw invalid(name, 'nested data must have exactly one value in each row');
        return row[0] as unknown;
      })
    : [...data];
  if (flat.length !== rows) throw invalid(name, `shape says ${rows} values, data has ${flat.length}`);
  return flat;
}

const NUMERIC = ['FP64', 'FP32', 'INT64', 'INT32', 'INT16', 'INT8', 'UINT32', 'UINT16', 'UINT8'];

function accepts(wanted: RequestDatatype, sent: string): boolean {
  if (wanted === 'BYTES') return sent === 'BYTES';
  if (wanted === 'FP32') return NUMERIC.includes(sent);
  return sent.includes('INT') && NUMERIC.includes(sent);
}

function readValue(
  value: unknown,
  at: { name: string; row: number; datatype: RequestDatatype; nullable: boolean },
): number | string {
  const { name, row, datatype, nullable } = at;
  if (value === null) {
    if (datatype === 'FP32' && nullable) return Number.NaN;
    throw invalid(name, `row ${row} is null, which this input does not take`);
  }
  if (datatype === 'BYTES') {
    if (typeof value !== 'string') throw invalid(name, `row ${row}: expected a text, got ${JSON.stringify(value)}`);
    return value;
  }
  if (typeof value !== 'number') throw invalid(name, `row ${row}: expected a number, got ${JSON.stringify(value)}`);
  if (datatype === 'INT64' && !Number.isSafeInteger(value))
    throw invalid(name, `row ${row}: ${value} is not an integer that JSON keeps exact`);
  return value;
}

function invalid(input: string, problem: string): DomainError {
  return new DomainError('PRN_INFERENCE_INPUT', { input, problem });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
