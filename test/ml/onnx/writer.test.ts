import { onnx } from 'onnx-proto';
import { describe, expect, it } from 'vitest';
import { encodeModel, type OnnxGraph } from '../../../ml/onnx/writer.js';

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
