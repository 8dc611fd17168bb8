/** A table of answers as nodes of a graph. */
import type { TableKey, TableModel } from '../training/baseline/table-model.js';
import { entriesOf } from '../training/baseline/table-model.js';
import type { GraphBuilder } from './graph-builder.js';

/** Adds the table behind the matrix `features`, FP32 [N,F]; returns the answers, FP32 [N,K]. */
export function addTable(builder: GraphBuilder, features: string, { keys, answers, outputs }: TableModel): string {
  const table = builder.constant('FLOAT', [...answers], [entriesOf(keys), outputs]);
  const entry = keys.reduce<string | null>((partial, key) => {
    const place = placeOf(builder, features, key);
    if (partial === null) return place;
    const base = builder.constant('INT64', [key.values.length + 1]);
    return builder.node('Add', [builder.node('Mul', [partial, base]), place]);
  }, null);
  const flat = builder.node('Reshape', [
    entry ?? firstEntries(builder, features),
    builder.constant('INT64', [-1], [1]),
  ]);
  return builder.node('Gather', [table, flat]);
}

/** INT64 [N,1]: the place of the value among the key's, behind the last where it is not listed. */
function placeOf(builder: GraphBuilder, features: string, { feature, values }: TableKey): string {
  const column = builder.node('Gather', [features, builder.constant('INT64', [feature], [1])], {
    attributes: { axis: { kind: 'int', value: 1 } },
  });
  const known = values.filter((value) => !Number.isNaN(value));
  const looked = builder.node('LabelEncoder', [column], {
    domain: 'ai.onnx.ml',
    attributes: {
      keys_floats: { kind: 'floats', value: known },
      values_floats: { kind: 'floats', value: Float32Array.from(known.keys()) },
      default_float: { kind: 'float', value: values.length },
    },
  });
  // The operator does not find NaN among its keys; it stands last among the values, if at all.
  const place =
    known.length === values.length
      ? looked
      : builder.node('Where', [builder.node('IsNaN', [column]), builder.constant('FLOAT', [known.length]), looked]);
  return builder.cast(place, 'INT64');
}

/** A zero for every row, whatever the features are. */
function firstEntries(builder: GraphBuilder, features: string): string {
  const rows = builder.node('Shape', [features], {
    attributes: { start: { kind: 'int', value: 0 }, end: { kind: 'int', value: 1 } },
  });
  return builder.node('Expand', [builder.constant('INT64', [0], [1]), rows]);
}
