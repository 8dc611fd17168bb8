/**
 * Collects nodes and constants of a graph under construction. Names it hands out contain a slash, which no column name
 * can, so they never clash with inputs.
 */
import type { OnnxAttribute, OnnxNode, OnnxTensor } from './writer.js';

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  readonly domain?: 'ai.onnx.ml';
  /** Name of the output, where the graph's interface needs a certain one. */
  readonly output?: string;
}

export class GraphBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  readonly #constants = new Map<string, string>();
  #count = 0;

  /** Adds a node with one output and returns the output's name. */
  node(op: string, inputs: readonly string[], options: NodeOptions = {}): string {
    const { attributes, domain, output = `t/${this.#count++}` } = options;
    this.nodes.push({ op, inputs, outputs: [output], ...(attributes && { attributes }), ...(domain && { domain }) });
    return output;
  }

  /** A constant of shape [1, 1] (or a vector), shared by all its users. */
  constant(type: OnnxTensor['type'], values: readonly number[], shape: readonly number[] = [1, 1]): string {
    // Object.is tells −0 from 0, a text key must as well.
    const key = `${type}|${shape.join(',')}|${values.map((value) => (Object.is(value, -0) ? '-0' : String(value))).join(',')}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = `c/${this.#constants.size}`;
    this.#constants.set(key, name);
    this.initializers.push({ name, type, shape, values });
    return name;
  }

  cast(input: string, to: 'FLOAT' | 'INT64' | 'BOOL' | 'DOUBLE'): string {
    const elementType = { FLOAT: 1, INT64: 7, BOOL: 9, DOUBLE: 11 }[to];
    return this.node('Cast', [input], { attributes: { to: { kind: 'int', value: elementType } } });
  }
}
