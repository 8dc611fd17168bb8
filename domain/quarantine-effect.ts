/** What a quarantine case did to everything that was made of its dataset: what lacks the rows, and what has them since. */
import { z } from 'zod';
import type { LineageGraph, LineageNode } from './lineage.js';
import { Name } from './names.js';
import type { QuarantineCase } from './quarantine.js';

const Affected = z.strictObject({
  datasetVersions: z.array(z.strictObject({ dataset: Name, versionId: z.string() })).readonly(),
  modelVersions: z.array(z.strictObject({ model: Name, version: z.number().int() })).readonly(),
});
export type Affected = z.infer<typeof Affected>;

export const QuarantineEffect = z.strictObject({
  /** Made of the source of the case without any of its rows. */
  lacking: Affected,
  /** Made of rows that were released or fixed. */
  gaining: Affected,
  /** There is more than is shown. */
  truncated: z.boolean(),
});
export type QuarantineEffect = z.infer<typeof QuarantineEffect>;

/** `lineageOf` gives what came of a node; null for one that is not there. */
export async function quarantineEffect(
  { dataset, segmentId, commitSeq, releases }: QuarantineCase,
  lineageOf: (node: LineageNode) => Promise<LineageGraph | null>,
): Promise<QuarantineEffect> {
  const segments = [{ segmentId, commitSeq }, ...releases];
  const graphs = await Promise.all(
    segments.map((segment) =>
      lineageOf({ kind: 'segment', dataset, segmentId: segment.segmentId, commitSeq: segment.commitSeq }),
    ),
  );
  const [all = [], ...gained] = graphs.map((graph) => graph?.nodes ?? []);
  const having = new Map(gained.flat().map((found) => [found.id, found]));
  return {
    lacking: affected(all.filter(({ id }) => !having.has(id))),
    gaining: affected([...having.values()]),
    truncated: graphs.some((graph) => graph?.truncated === true),
  };
}

function affected(nodes: LineageGraph['nodes']): Affected {
  return {
    datasetVersions: nodes.flatMap(({ node }) =>
      node.kind === 'datasetVersion' ? [{ dataset: node.dataset, versionId: node.versionId }] : [],
    ),
    modelVersions: nodes.flatMap(({ node }) =>
      node.kind === 'modelVersion' ? [{ model: node.model, version: node.version }] : [],
    ),
  };
}
