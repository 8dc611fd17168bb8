import { onnx } from 'onnx-proto';
import { describe, expect, it } from 'vitest';
import { readModelMetadata } from '../../../ml/onnx/model-metadata.js';
import { createSession } from '../../../ml/onnx/session.js';
import { encodeModel, exposeOutput, type OnnxGraph } from '../../../ml/onnx/writer.js';

const graph: OnnxGraph = {
  name: 'sample',
  nodes: [
    {
      op: 'LabelEncoder',
      domain: 'ai.onnx.ml',
      inputs: ['origin'],
      outputs: ['code'],
      attributes: {
        keys_strings: { kind: 'strings', value: ['ATL', 'Zürich'] },
        values_floats: { kind: 'floats', value: [0.5, -1] },
        default_float: { kind: 'float', value: -2.5 },
        offset: { kind: 'int', value: -3 },
        shape: { kind: 'ints', value: [-1, 300] },
      },
    },
  ],
  initializers: [{ name: 'day', type: 'INT64', shape: [1, 1], values: [86_400_000_000] }],
  inputs: [{ name: 'origin', type: 'STRING', shape: [-1, 1] }],
  outputs: [{ name: 'code', type: 'FLOAT', shape: [-1, 1] }],
};

describe('encodeModel', () => {
  it('is read back by an independent decoder field by field', () => {
    const model = onnx.ModelProto.decode(encodeModel(graph));
    expect([
      Number(model.irVersion),
      model.opsetImport.map(({ domain, version }) => [domain, Number(version)]),
    ]).toEqual([
      10,
      [
        ['', 21],
        ['ai.onnx.ml', 3],
      ],
    ]);
    const [node] = model.graph?.node ?? [];
    const attribute = (name: string) => node?.attribute?.find((each) => each.name === name);
    const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
    expect([node?.opType, node?.domain, node?.input, node?.output]).toEqual([
      'LabelEncoder',
      'ai.onnx.ml',
      ['origin'],
      ['code'],
    ]);
    expect(attribute('keys_strings')?.strings?.map(text)).toEqual(['ATL', 'Zürich']);
    expect([attribute('values_floats')?.floats, attribute('default_float')?.f]).toEqual([[0.5, -1], -2.5]);
    expect([Number(attribute('offset')?.i), attribute('shape')?.ints?.map(Number)]).toEqual([-3, [-1, 300]]);
    const [day] = model.graph?.initializer ?? [];
    const raw = day?.rawData ?? new Uint8Array();
    expect(new DataView(raw.buffer, raw.byteOffset, raw.byteLength).getBigInt64(0, true)).toBe(86_400_000_000n);
    const [dimension, width] = model.graph?.input?.[0]?.type?.tensorType?.shape?.dim ?? [];
    expect([dimension?.dimParam, Number(width?.dimValue)]).toEqual(['N', 1]);
  });
});

describe('readModelMetadata', () => {
  it('reads the texts a model carries, as an independent decoder does', () => {
    const metadata = { 'perennial.feature_plan': '{"größe":1}', empty: '' };
    const bytes = encodeModel({ ...graph, metadata });
    const props = onnx.ModelProto.decode(bytes).metadataProps.map(({ key, value }) => [key, value]);
    expect(props).toEqual(Object.entries(metadata));
    expect(readModelMetadata(bytes)).toEqual(metadata);
    expect(readModelMetadata(encodeModel(graph))).toEqual({});
  });

  it('refuses bytes that end within a field', () => {
    const bytes = encodeModel(graph);
    expect(() => readModelMetadata(bytes.subarray(0, bytes.length - 1))).toThrow('its bytes are no protocol buffer');
    expect(() => readModelMetadata(Uint8Array.of(7, 0))).toThrow('its bytes are no protocol buffer');
  });
});

describe('exposeOutput', () => {
  it('gives a tensor between the nodes beside the outputs there were', async () => {
    const nodes = [
      { op: 'Neg', inputs: ['x'], outputs: ['between'] },
      { op: 'Abs', inputs: ['between'], outputs: ['y'] },
    ];
    const [x, between, y] = ['x', 'between', 'y'].map((name) => ({ name, type: 'FLOAT' as const, shape: [-1, 1] }));
    if (x === undefined || between === undefined || y === undefined) throw new Error('three names');
    const bytes = encodeModel({ name: 'chain', nodes, initializers: [], inputs: [x], outputs: [y] });
    const session = await createSession(exposeOutput(bytes, between));
    expect(session.outputs.map(({ name }) => name)).toEqual(['y', 'between']);
    const values = await session.run({ x: Float32Array.of(2, -3) }, ['between', 'y']);
    expect(values).toEqual({ between: Float32Array.of(-2, 3), y: Float32Array.of(2, 3) });
    await session.release();
  });
});
