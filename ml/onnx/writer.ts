/** Writes ONNX models as protobuf: just the fields our graphs use. IR 10, ai.onnx 21, ai.onnx.ml 3. */

export type OnnxElementType = 'FLOAT' | 'INT64' | 'STRING' | 'BOOL' | 'DOUBLE';
export type OnnxAttribute =
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'floats'; readonly value: ArrayLike<number> }
  | { readonly kind: 'ints'; readonly value: ArrayLike<number> }
  | { readonly kind: 'strings'; readonly value: readonly string[] };

export interface OnnxNode {
  readonly op: string;
  /** `ai.onnx.ml` for the classical operators; the default domain otherwise. */
  readonly domain?: 'ai.onnx.ml';
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxTensor {
  readonly name: string;
  readonly type: 'FLOAT' | 'INT64' | 'DOUBLE';
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** A dimension of −1 is the number of rows. */
export interface OnnxValueInfo {
  readonly name: string;
  readonly type: OnnxElementType;
  readonly shape: readonly number[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  /** Texts the model carries along; see `model-metadata.ts` for reading them. */
  readonly metadata?: Readonly<Record<string, string>>;
}

const IR_VERSION = 10;
const OPSETS = [
  { domain: '', version: 21 },
  { domain: 'ai.onnx.ml', version: 3 },
];
const ELEMENT_TYPES: Readonly<Record<OnnxElementType, number>> = { FLOAT: 1, INT64: 7, STRING: 8, BOOL: 9, DOUBLE: 11 };
const ATTRIBUTE_TYPES: Readonly<Record<OnnxAttribute['kind'], number>> = {
  float: 1,
  int: 2,
  string: 3,
  floats: 6,
  ints: 7,
  strings: 8,
};
const ROWS_DIMENSION = 'N';

/** The model's bytes. The same graph gives the same bytes. */
export function encodeModel(graph: OnnxGraph): Uint8Array {
  const model = new ProtoWriter();
  model.int(1, IR_VERSION);
  model.text(2, 'perennial');
  model.message(7, encodeGraph(graph));
  for (const { domain, version } of OPSETS) {
    const opset = new ProtoWriter();
    opset.text(1, domain);
    opset.int(2, version);
    model.message(8, opset);
  }
  for (const [key, value] of Object.entries(graph.metadata ?? {})) {
    const entry = new ProtoWriter();
    entry.text(1, key);
    entry.text(2, value);
    model.message(14, entry);
  }
  return model.finish();
}

/**
 * The same model with a tensor between its nodes as one output more. Appended bytes suffice: readers of protocol buffers
 * merge the parts of a message that comes twice.
 */
export function exposeOutput(model: Uint8Array, output: OnnxValueInfo): Uint8Array {
  const graph = new ProtoWriter();
  graph.message(12, encodeValueInfo(output));
  const addition = new ProtoWriter();
  addition.message(7, graph);
  const appended = addition.finish();
  const exposed = new Uint8Array(model.length + appended.length);
  exposed.set(model);
  exposed.set(appended, model.length);
  return exposed;
}

function encodeGraph(graph: OnnxGraph): ProtoWriter {
  const writer = new ProtoWriter();
  for (const [index, node] of graph.nodes.entries()) writer.message(1, encodeNode(node, index));
  writer.text(2, graph.name);
  for (const tensor of graph.initializers) writer.message(5, encodeTensor(tensor));
  for (const input of graph.inputs) writer.message(11, encodeValueInfo(input));
  for (const output of graph.outputs) writer.message(12, encodeValueInfo(output));
  return writer;
}

function encodeNode(node: OnnxNode, index: number): ProtoWriter {
  const writer = new ProtoWriter();
  for (const input of node.inputs) writer.text(1, input);
  for (const output of node.outputs) writer.text(2, output);
  writer.text(3, `${node.op}_${index}`);
  writer.text(4, node.op);
  for (const [name, attribute] of Object.entries(node.attributes ?? {}))
    writer.message(5, encodeAttribute(name, attribute));
  if (node.domain !== undefined) writer.text(7, node.domain);
  return writer;
}

function encodeAttribute(name: string, attribute: OnnxAttribute): ProtoWriter {
  const writer = new ProtoWriter();
  writer.text(1, name);
  switch (attribute.kind) {
    case 'float':
      writer.float(2, attribute.value);
      break;
    case 'int':
      writer.int(3, attribute.value);
      break;
    case 'string':
      writer.text(4, attribute.value);
      break;
    case 'floats':
      writer.packedFloats(7, attribute.value);
      break;
    case 'ints':
      writer.packedInts(8, attribute.value);
      break;
    case 'strings':
      for (const value of attribute.value) writer.text(9, value);
      break;
  }
  writer.int(20, ATTRIBUTE_TYPES[attribute.kind]);
  return writer;
}

function encodeTensor({ name, type, shape, values }: OnnxTensor): ProtoWriter {
  const writer = new ProtoWriter();
  writer.packedInts(1, shape);
  writer.int(2, ELEMENT_TYPES[type]);
  writer.text(8, name);
  writer.bytes(9, rawValues(type, values));
  return writer;
}

/** Little-endian raw data, as the format asks for on every machine. */
function rawValues(type: OnnxTensor['type'], values: ArrayLike<number>): Uint8Array {
  const size = type === 'FLOAT' ? 4 : 8;
  const raw = new Uint8Array(values.length * size);
  const view = new DataView(raw.buffer);
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? 0;
    if (type === 'FLOAT') view.setFloat32(index * size, value, true);
    else if (type === 'DOUBLE') view.setFloat64(index * size, value, true);
    else view.setBigInt64(index * size, BigInt(value), true);
  }
  return raw;
}

function encodeValueInfo({ name, type, shape }: OnnxValueInfo): ProtoWriter {
  const dimensions = new ProtoWriter();
  for (const size of shape) {
    const dimension = new ProtoWriter();
    if (size < 0) dimension.text(2, ROWS_DIMENSION);
    else dimension.int(1, size);
    dimensions.message(1, dimension);
  }
  const tensorType = new ProtoWriter();
  tensorType.int(1, ELEMENT_TYPES[type]);
  tensorType.message(2, dimensions);
  const typeProto = new ProtoWriter();
  typeProto.message(1, tensorType);
  const writer = new ProtoWriter();
  writer.text(1, name);
  writer.message(2, typeProto);
  return writer;
}

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** The wire format of protocol buffers, appending only. */
class ProtoWriter {
  #buffer = new Uint8Array(256);
  #length = 0;

  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  int(field: number, value: number): void {
    this.#tag(field, VARINT);
    this.#varint(value);
  }

  float(field: number, value: number): void {
    this.#tag(field, FIXED_32);
    this.#reserve(4);
    new DataView(this.#buffer.buffer).setFloat32(this.#length, value, true);
    this.#length += 4;
  }

  text(field: number, value: string): void {
    this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, message: ProtoWriter): void {
    this.bytes(field, message.#buffer.subarray(0, message.#length));
  }

  bytes(field: number, value: Uint8Array): void {
    this.#tag(field, LENGTH_DELIMITED);
    this.#varint(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  packedFloats(field: number, values: ArrayLike<number>): void {
    this.bytes(field, rawValues('FLOAT', values));
  }

  packedInts(field: number, values: ArrayLike<number>): void {
    const packed = new ProtoWriter();
    for (let index = 0; index < values.length; index += 1) packed.#varint(values[index] ?? 0);
    this.message(field, packed);
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  /** Negative numbers take ten bytes: their 64-bit two's complement. */
  #varint(value: number): void {
    this.#reserve(10);
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 127n) {
      this.#buffer[this.#length++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.#buffer[this.#length++] = Number(rest);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(this.#buffer.length * 2, this.#length + bytes));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}
