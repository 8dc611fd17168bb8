/** The only door to onnxruntime: sessions with typed feeds, one thread each, errors as catalogue errors. */
import * as ort from 'onnxruntime-node';
import { DomainError } from '../../domain/errors.js';

export type TensorDatatype = 'FP32' | 'FP64' | 'INT64' | 'BYTES' | 'BOOL';
/** A column of N values, fed as a tensor of shape [N,1]. */
export type TensorData = Float32Array | Float64Array | BigInt64Array | readonly string[];

export interface TensorInfo {
  readonly name: string;
  readonly datatype: TensorDatatype;
  /** −1 for the number of rows. */
  readonly shape: readonly number[];
}

export interface OnnxSession {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /**
   * Scores rows; every feed is a column of equal length. Blocks this thread while it runs: keep batches small where
   * others wait. Outputs come flat, row-major.
   */
  run(feeds: Readonly<Record<string, TensorData>>, outputs: readonly string[]): Promise<Record<string, TensorData>>;
  /** Frees native memory; nothing may run or be queued any more. */
  release(): Promise<void>;
}

/** U+FFFD stands for NUL wherever texts meet tensors, in tables as well. */
export const NUL_REPLACEMENT = '\u{fffd}';

const DATATYPES: Readonly<Record<string, TensorDatatype>> = {
  float32: 'FP32',
  float64: 'FP64',
  int64: 'INT64',
  string: 'BYTES',
  bool: 'BOOL',
};

/** Version of the runtime that scores. */
export const ONNX_RUNTIME_VERSION = ort.env.versions.node ?? ort.env.versions.common;

/** Loads a model; throws `PRN_ONNX_INVALID` for bytes that are not one or use what the runtime lacks. */
export async function createSession(bytes: Uint8Array): Promise<OnnxSession> {
  const session = await openModel(bytes);
  return {
    inputs: session.inputMetadata.map(tensorInfo),
    outputs: session.outputMetadata.map(tensorInfo),
    run: async (feeds, outputs) => valuesOf(await session.run(tensorsOf(feeds), [...outputs]), outputs),
    release: () => session.release(),
  };
}

export async function openModel(bytes: Uint8Array): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(bytes, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
  }).catch((error: unknown) => {
    throw new DomainError(
      'PRN_ONNX_INVALID',
      { problem: error instanceof Error ? error.message : String(error) },
      { cause: error },
    );
  });
}

export function tensorsOf(feeds: Readonly<Record<string, TensorData>>): Record<string, ort.Tensor> {
  const tensors: Record<string, ort.Tensor> = {};
  for (const name in feeds) tensors[name] = toTensor(feeds[name] ?? new Float32Array());
  return tensors;
}

export function valuesOf(
  results: Readonly<Record<string, ort.Tensor>>,
  outputs: readonly string[],
): Record<string, TensorData> {
  const values: Record<string, TensorData> = {};
  for (const name of outputs) values[name] = fromTensor(results[name]);
  return values;
}

function toTensor(data: TensorData): ort.Tensor {
  const shape = [data.length, 1];
  if (data instanceof Float32Array) return new ort.Tensor('float32', data, shape);
  if (data instanceof BigInt64Array) return new ort.Tensor('int64', data, shape);
  if (data instanceof Float64Array) return new ort.Tensor('float64', data, shape);
  return new ort.Tensor('string', data.map(tensorText), shape);
}

/** The runtime reads a text up to its first NUL, which would make another text of it. */
export function tensorText(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', NUL_REPLACEMENT) : text;
}

function fromTensor(tensor: ort.Tensor | undefined): TensorData {
  const data = tensor?.data;
  if (data instanceof Float32Array || data instanceof BigInt64Array || data instanceof Float64Array) return data;
  if (Array.isArray(data)) return data.map(String);
  throw new DomainError('PRN_ONNX_INVALID', { problem: `output of type ${tensor?.type ?? 'none'} cannot be read` });
}

export function tensorInfo(metadata: ort.InferenceSession.ValueMetadata): TensorInfo {
  if (!metadata.isTensor) throw new DomainError('PRN_ONNX_INVALID', { problem: `${metadata.name} is not a tensor` });
  const datatype = DATATYPES[metadata.type];
  if (datatype === undefined)
    throw new DomainError('PRN_ONNX_INVALID', { problem: `${metadata.name} has type ${metadata.type}` });
  return { name: metadata.name, datatype, shape: metadata.shape.map((size) => (typeof size === 'number' ? size : -1)) };
}
