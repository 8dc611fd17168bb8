/** Reads an Open Inference Protocol v2 request. Everything wrong is a 400 that names the input and what was expected. */
import { DomainError } from '../domain/errors.js';
import { didYouMean } from '../domain/names.js';
import { type TaskShape, taskOutputs } from '../domain/task.js';
import type { RequestColumn, RequestRows } from '../scoring/request-columns.js';
import type { Contract, FieldType } from './contract.js';
import { invalidInput, readValues, show } from './tensor-values.js';

export interface InferRequest extends RequestRows {
  readonly id: string | undefined;
  /** Unit of each row for routing; null where each row is its own. */
  readonly units: readonly string[] | null;
  /** Requested outputs in order; null for all. */
  readonly outputs: readonly string[] | null;
}

/** The class of a multiclass decision by its name. */
export const CLASS_OUTPUT = 'class';

/** What an answer can hold, by name and in order. */
export function outputNames(shape: TaskShape): string[] {
  const named = shape.task === 'multiclass' ? [CLASS_OUTPUT] : [];
  return [...taskOutputs(shape).map(({ name }) => name), ...named, 'prediction_id', 'model_version'];
}

export const MAX_ROWS = 10_000;
/** Reserved input: the unit of each row. A model may have a field of that name; it then serves as both. */
const UNIT_INPUT = 'unit_id';
const UNIT_FIELD: FieldType = { datatype: 'BYTES', nullable: false };

/** Throws `PRN_REQUEST_INVALID` for a body that is no JSON object, `PRN_INFERENCE_INPUT` for what does not fit. */
export function parseInferRequest(body: string, contract: Contract, unitField: string | null): InferRequest {
  const document = parseObject(body);
  const { id, inputs, outputs, parameters } = document;
  if (id !== undefined && typeof id !== 'string') throw invalidInput('id', `a text is expected, got ${show(id)}`);
  if (!Array.isArray(inputs)) throw invalidInput('inputs', 'an array of tensors is required');
  const sent = new Map<string, RequestColumn>();
  let rows: number | null = null;
  for (const input of inputs) {
    const column = parseTensor(input, contract);
    const count = column.values.length;
    if (sent.has(column.name)) throw invalidInput(column.name, 'it is given twice');
    if (rows !== null && rows !== count)
      throw invalidInput(column.name, `it has ${count} rows, the inputs before have ${rows}`);
    rows = count;
    sent.set(column.name, column);
  }
  const missing = contract.required.find((name) => !sent.has(name));
  if (missing !== undefined) throw invalidInput(missing, 'it is missing');
  if (rows === null || rows === 0) throw invalidInput('inputs', 'at least one row is required');
  const units = unitsOf({ sent, unitField, rows, unit: unitParameter(parameters) });
  if (!contract.fields.has(UNIT_INPUT)) sent.delete(UNIT_INPUT);
  return { id, rows, columns: sent, units, outputs: parseOutputs(outputs, outputNames(contract.shape)) };
}

function parseObject(body: string): Record<string, unknown> {
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : 'unreadable';
    throw new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem: `it is not JSON (${reason})` });
  }
  if (isObject(document)) return document;
  throw new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem: 'a JSON object is expected' });
}

function unitParameter(parameters: unknown): string | undefined {
  if (parameters === undefined) return undefined;
  if (!isObject(parameters)) throw invalidInput('parameters', `an object is expected, got ${show(parameters)}`);
  const { unit } = parameters;
  if (unit !== undefined && typeof unit !== 'string')
    throw invalidInput('parameters.unit', `a text is expected, got ${show(unit)}`);
  return unit;
}

/** What the caller says of the whole request wins over its rows, and that over the field the endpoint declares. */
function unitsOf(request: {
  sent: ReadonlyMap<string, RequestColumn>;
  unitField: string | null;
  rows: number;
  unit: string | undefined;
}): readonly string[] | null {
  const { sent, unitField, rows, unit } = request;
  if (unit !== undefined) return Array.from({ length: rows }, () => unit);
  const column = sent.get(UNIT_INPUT) ?? (unitField === null ? undefined : sent.get(unitField));
  return column === undefined ? null : Array.from(column.values, String);
}

function parseOutputs(outputs: unknown, known: readonly string[]): string[] | null {
  if (outputs === undefined) return null;
  if (!Array.isArray(outputs) || outputs.length === 0)
    throw invalidInput('outputs', 'a non-empty array is expected; leave it out for all outputs');
  const names = outputs.map((output) => {
    const name = isObject(output) ? output['name'] : undefined;
    if (typeof name !== 'string') throw invalidInput('outputs', 'each output needs a name');
    if (!known.includes(name))
      throw invalidInput(
        'outputs',
        `there is no output ${show(name)}${hintOf(name, known)}; there are ${known.join(', ')}`,
      );
    return name;
  });
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalidInput('outputs', `output '${twice}' already exists in request`);
  return names;
}

function parseTensor(input: unknown, contract: Contract): RequestColumn {
  if (!isObject(input)) throw invalidInput('inputs', 'each input must be an object');
  const { name, shape, datatype, data, parameters } = input;
  if (typeof name !== 'string') throw invalidInput('inputs', 'each input needs a name');
  const field = contract.fields.get(name) ?? (name === UNIT_INPUT ? UNIT_FIELD : undefined);
  if (field === undefined) throw unknownInput(name, contract);
  if (isObject(parameters) && parameters['binary_data_size'] !== undefined)
    throw invalidInput(name, 'binary tensor data is not supported here; send JSON');
  const rows = parseShape(name, shape);
  if (!Array.isArray(data)) throw invalidInput(name, 'data is missing or not an array');
  return readValues({ name, field, datatype, values: flatten(name, data, rows) });
}

function unknownInput(name: string, { fields, required }: Contract): DomainError {
  const hint = hintOf(name, [...fields.keys()]);
  return invalidInput(name.slice(0, 100), `the model has no such input${hint}; it needs ${required.join(', ')}`);
}

/** The nearest name costs time in the square of the length, so only names of a name's length are looked up. */
function hintOf(name: string, known: readonly string[]): string {
  return name.length > 100 ? '' : didYouMean(name, known);
}

/** [N] and [N,1] say the same. */
function parseShape(name: string, shape: unknown): number {
  if (Array.isArray(shape) && (shape.length === 1 || shape.length === 2)) {
    const [rows, width = 1] = shape as unknown[];
    if (typeof rows === 'number' && Number.isSafeInteger(rows) && rows >= 0 && width === 1) {
      if (rows <= MAX_ROWS) return rows;
      throw invalidInput(name, `${rows} rows are more than the ${MAX_ROWS} that one request may have`);
    }
  }
  throw invalidInput(name, `expected shape [N] or [N,1], got ${show(shape)}`);
}

function flatten(name: string, data: readonly unknown[], rows: number): readonly unknown[] {
  const flat = data.some(Array.isArray) ? data.map((row) => onlyValue(name, row)) : data;
  if (flat.length !== rows) throw invalidInput(name, `shape says ${rows} values, data has ${flat.length}`);
  return flat;
}

function onlyValue(name: string, row: unknown): unknown {
  if (Array.isArray(row) && row.length === 1) return row[0];
  throw invalidInput(name, 'nested data must have exactly one value in each row');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
