/** Checkpoints of a training run: the trees so far as an artefact, bound to the run that grew them. */
import { z } from 'zod';
import { ArtifactRef } from '../../domain/artifact.js';
import type { Tree, TreeEnsemble } from '../../ml/training/tree-ensemble.js';
import type { ArtifactStore } from '../../store/contracts/artifacts.js';
import { getJson, putJson } from '../json-artifacts.js';

/** What a heart-beat carries: small, and meaningless to any run but the one with the same key. */
export const TrainingCheckpoint = z.object({ key: z.string(), iteration: z.number().int(), trees: ArtifactRef });
export type TrainingCheckpoint = z.infer<typeof TrainingCheckpoint>;

const numbers = z.array(z.number());
const StoredTree = z.strictObject({
  feature: numbers,
  threshold: numbers,
  left: numbers,
  right: numbers,
  missingLeft: numbers,
  leafValue: numbers,
});
const StoredEnsemble = z.strictObject({
  featureCount: z.number().int(),
  baseScore: z.number(),
  trees: z.array(StoredTree),
});

/** Stores the trees first, then names them: a checkpoint that was reported can always be read. */
export async function saveCheckpoint(
  artifacts: ArtifactStore,
  key: string,
  ensemble: TreeEnsemble,
): Promise<TrainingCheckpoint> {
  const stored = { ...ensemble, trees: ensemble.trees.map(storedTree) };
  return { key, iteration: ensemble.trees.length, trees: await putJson(artifacts, stored) };
}

/** The trees of an earlier attempt, or null when there are none that fit this run. */
export async function loadCheckpoint(
  artifacts: ArtifactStore,
  key: string,
  reported: unknown,
): Promise<TreeEnsemble | null> {
  const checkpoint = TrainingCheckpoint.safeParse(reported);
  if (!checkpoint.success || checkpoint.data.key !== key) return null;
  if (!(await artifacts.exists(checkpoint.data.trees))) return null;
  const stored = await getJson(artifacts, checkpoint.data.trees, StoredEnsemble);
  return { ...stored, trees: stored.trees.map(restoredTree) };
}

function storedTree(tree: Tree): z.infer<typeof StoredTree> {
  return {
    feature: [...tree.feature],
    threshold: [...tree.threshold],
    left: [...tree.left],
    right: [...tree.right],
    missingLeft: [...tree.missingLeft],
    leafValue: [...tree.leafValue],
  };
}

function restoredTree(tree: z.infer<typeof StoredTree>): Tree {
  return {
    feature: Int32Array.from(tree.feature),
    threshold: Float32Array.from(tree.threshold),
    left: Int32Array.from(tree.left),
    right: Int32Array.from(tree.right),
    missingLeft: Uint8Array.from(tree.missingLeft),
    leafValue: Float32Array.from(tree.leafValue),
  };
}
