/** Reads what an ONNX model carries along as texts, which onnxruntime-node does not tell. */
import { DomainError } from '../../domain/errors.js';

/** Field of `ModelProto` with entries of key (1) and value (2). */
const METADATA_FIELD = 14;
const LENGTH_DELIMITED = 2;
/** Bytes of values of the other wire types of protocol buffers; a varint ends by itself. */
const FIXED_BYTES: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

/** `metadata_props` of a model, empty without any. Throws `PRN_ONNX_INVALID` for bytes that are no protocol buffer. */
export function readModelMetadata(model: Uint8Array): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const { field, bytes } of fieldsOf(model)) {
    if (field !== METADATA_FIELD) continue;
    const texts = new Map(fieldsOf(bytes).map((part) => [part.field, new TextDecoder().decode(part.bytes)]));
    metadata[texts.get(1) ?? ''] = texts.get(2) ?? '';
  }
  return metadata;
}

interface Field {
  readonly field: number;
  /** Empty for numbers. */
  readonly bytes: Uint8Array;
}

function fieldsOf(message: Uint8Array): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < message.length;) {
    const tag = readVarint(message, at);
    const [field, wireType] = [Math.floor(tag.value / 8), tag.value % 8];
    const value = wireType === 0 || wireType === LENGTH_DELIMITED ? readVarint(message, tag.end) : null;
    const size = wireType === LENGTH_DELIMITED ? value?.value : value === null ? FIXED_BYTES[wireType] : 0;
    const from = value?.end ?? tag.end;
    if (size === undefined || from + size > message.length) throw notProtobuf();
    const bytes = wireType === LENGTH_DELIMITED ? message.subarray(from, from + size) : new Uint8Array();
    fields.push({ field, bytes });
    at = from + size;
  }
  return fields;
}

/** Numbers above 2⁵³ lose their last bits, which matters for none of the fields read here. */
function readVarint(message: Uint8Array, from: number): { value: number; end: number } {
  let value = 0;
  for (let index = 0; index < 10; index += 1) {
    const byte = message[from + index];
    if (byte === undefined) break;
    value += (byte & 127) * 2 ** (7 * index);
    if (byte < 128) return { value, end: from + index + 1 };
  }
  throw notProtobuf();
}

function notProtobuf(): DomainError {
  return new DomainError('PRN_ONNX_INVALID', { problem: 'its bytes are no protocol buffer' });
}
