/** Several models run in order as one session: features first, then a foreign model, then what makes its answer ours. */
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { DomainError } from '../../domain/errors.js';
import { readModelMetadata } from './model-metadata.js';
import {
  createSession,
  type OnnxSession,
  openModel,
  type TensorInfo,
  tensorInfo,
  tensorsOf,
  valuesOf,
} from './session.js';

/** JSON object in a model's metadata: name of a tensor inside it → what it is called between the models of a chain. */
export const TENSOR_NAMES_METADATA = 'perennial.tensor_names';

interface Port {
  /** Name inside the model. */
  readonly inner: string;
  /** With the name in the chain. */
  readonly info: TensorInfo;
}

interface Link {
  readonly session: InferenceSession;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/**
 * Outputs of earlier models feed inputs of the same name, before what the caller feeds. A model may call its tensors
 * otherwise inside: see {@link TENSOR_NAMES_METADATA}. The outputs are those of the last one. Throws `PRN_ONNX_INVALID`.
 */
export async function createChain(models: readonly Uint8Array[]): Promise<OnnxSession> {
  const [first, ...rest] = models;
  if (first === undefined) throw new DomainError('PRN_ONNX_INVALID', { problem: 'there is no graph to run' });
  if (rest.length === 0) return createSession(first);
  const links: Link[] = [];
  try {
    for (const model of models) links.push(await openLink(model));
  } catch (error) {
    await releaseAll(links);
    throw error;
  }
  return {
    inputs: inputsOf(links),
    outputs: (links.at(-1)?.outputs ?? []).map(({ info }) => info),
    run: async (feeds, outputs) => valuesOf(await run(links, tensorsOf(feeds), outputs), outputs),
    release: () => releaseAll(links),
  };
}

async function openLink(model: Uint8Array): Promise<Link> {
  const names = tensorNames(model);
  const session = await openModel(model);
  const port = (metadata: InferenceSession.ValueMetadata): Port => {
    const info = tensorInfo(metadata);
    return { inner: info.name, info: { ...info, name: names.get(info.name) ?? info.name } };
  };
  return { session, inputs: session.inputMetadata.map(port), outputs: session.outputMetadata.map(port) };
}

function tensorNames(model: Uint8Array): Map<string, string> {
  const text = readModelMetadata(model)[TENSOR_NAMES_METADATA];
  if (text === undefined) return new Map();
  const names = JSON.parse(text) as Readonly<Record<string, unknown>>;
  return new Map(Object.entries(names).map(([inner, name]) => [inner, String(name)]));
}

/** What no earlier model of the chain gives. */
function inputsOf(links: readonly Link[]): TensorInfo[] {
  const given = new Set<string>();
  const wanted = new Map<string, TensorInfo>();
  for (const { inputs, outputs } of links) {
    for (const { info } of inputs) if (!given.has(info.name)) wanted.set(info.name, info);
    for (const { info } of outputs) given.add(info.name);
  }
  return [...wanted.values()];
}

async function run(
  links: readonly Link[],
  feeds: Readonly<Record<string, Tensor>>,
  wanted: readonly string[],
): Promise<Record<string, Tensor>> {
  const known = new Map(Object.entries(feeds));
  for (const [index, { session, inputs, outputs }] of links.entries()) {
    const after = links.slice(index + 1);
    const fetched = outputs.filter(({ info: { name } }) =>
      after.length === 0
        ? wanted.includes(name)
        : after.some((link) => link.inputs.some(({ info }) => info.name === name)),
    );
    const own: Record<string, Tensor> = {};
    for (const { inner, info } of inputs) {
      const tensor = known.get(info.name);
      if (tensor !== undefined) own[inner] = tensor;
    }
    const results = await session.run(
      own,
      fetched.map(({ inner }) => inner),
    );
    for (const { inner, info } of fetched) {
      const tensor = results[inner];
      if (tensor !== undefined) known.set(info.name, tensor);
    }
  }
  return Object.fromEntries(known);
}

async function releaseAll(links: readonly Link[]): Promise<void> {
  for (const { session } of links) await session.release();
}
