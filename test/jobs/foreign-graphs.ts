/** Models as trainers elsewhere might leave them. */
import type { OnnxGraph } from '../../ml/onnx/writer.js';

/** The rate itself, by the name of its feature; it is missing in every 50th row. */
export const RATE_BY_NAME: OnnxGraph = {
  name: 'foreign',
  nodes: [{ op: 'Identity', inputs: ['origin_traffic__late_rate'], outputs: ['p'] }],
  initializers: [],
  inputs: [{ name: 'origin_traffic__late_rate', type: 'FLOAT', shape: [-1, 1] }],
  outputs: [{ name: 'p', type: 'FLOAT', shape: [-1, 1] }],
};
