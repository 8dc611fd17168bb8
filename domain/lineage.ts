/** What came of what: from the bytes of a source to the model versions that learned from them, and back. */
import { z } from 'zod';
import { Name } from './names.js';

const Digest = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');

/** A thing that has a past and a future. */
export const LineageNode = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('source'), sha256: Digest }),
  /** The rows that one ingestion made of a source. */
  z.strictObject({ kind: z.literal('segment'), dataset: Name, segmentId: z.string(), commitSeq: z.number().int() }),
  z.strictObject({ kind: z.literal('datasetVersion'), dataset: Name, versionId: z.string() }),
  /** Feature rows that were computed together. */
  z.strictObject({ kind: z.literal('chunk'), view: Name, chunkId: z.string() }),
  z.strictObject({ kind: z.literal('run'), pipelineId: z.string() }),
  z.strictObject({ kind: z.literal('modelVersion'), model: Name, version: z.number().int().positive() }),
]);
export type LineageNode = z.infer<typeof LineageNode>;

/** Edges lead from what was read to what was made of it. `truncated` says that there is more than is shown. */
export const LineageGraph = z.strictObject({
  nodes: z.array(z.strictObject({ id: z.string(), node: LineageNode })),
  edges: z.array(z.strictObject({ from: z.string(), to: z.string() })),
  truncated: z.boolean(),
});
export type LineageGraph = z.infer<typeof LineageGraph>;

export const LineageDirection = z.enum(['backward', 'forward', 'both']);
export type LineageDirection = z.infer<typeof LineageDirection>;

/** The same text for the same thing, whatever way it was reached. */
export function lineageId(node: LineageNode): string {
  switch (node.kind) {
    case 'source':
      return `source/${node.sha256}`;
    case 'segment':
      return `segment/${node.dataset}/${node.segmentId}/${node.commitSeq}`;
    case 'datasetVersion':
      return `dataset/${node.dataset}/${node.versionId}`;
    case 'chunk':
      return `chunk/${node.view}/${node.chunkId}`;
    case 'run':
      return `run/${node.pipelineId}`;
    case 'modelVersion':
      return `model/${node.model}/${node.version}`;
  }
}

/** Things one step away. */
export type Neighbours = (node: LineageNode) => Promise<readonly LineageNode[]>;

/** Follows steps from a thing, breadth first, until there is nothing new or as many nodes as may be shown. */
export async function followLineage(
  start: LineageNode,
  steps: { readonly backward?: Neighbours; readonly forward?: Neighbours },
  mostNodes: number,
): Promise<LineageGraph> {
  const nodes = new Map([[lineageId(start), start]]);
  const edges = new Map<string, { from: string; to: string }>();
  let truncated = false;
  for (const [direction, neighbours] of Object.entries(steps)) {
    const waiting = [start];
    const seen = new Set([lineageId(start)]);
    for (let node = waiting.shift(); node !== undefined; node = waiting.shift()) {
      for (const next of await neighbours(node)) {
        const [here, there] = [lineageId(node), lineageId(next)];
        if (!nodes.has(there) && nodes.size >= mostNodes) {
          truncated = true;
          continue;
        }
        nodes.set(there, next);
        const edge = direction === 'forward' ? { from: here, to: there } : { from: there, to: here };
        edges.set(`${edge.from} ${edge.to}`, edge);
        if (seen.has(there)) continue;
        seen.add(there);
        waiting.push(next);
      }
    }
  }
  return { nodes: [...nodes].map(([id, node]) => ({ id, node })), edges: [...edges.values()], truncated };
}
