/** Checkpoints of a training run: the trees so far as an artefact, bound to the run that grew them. */
import { z } from 'zod';
import { ArtifactRef } from '../../domain/artifact.js';
import { Task } from '../../domain/task.js';
import type { Tree, TreeEnsemble } from '../../ml/training/tree-ensemble.js';
import type { ArtifactStore } from '../../store/contracts/artifacts.js';
import { getJson, putJson } from '../json-artifacts.js';

/** What a heart-beat carries: small, and meaningless to any run but the one with the same key. */
export const TrainingCheckpoint = z.object({ key: z.string(), iteration: z.number().int(), trees: ArtifactRef });
export type TrainingCheckpoint = z.infer<typeof TrainingCheckpoint>;

/** Bytes of a typed array, little-endian, as Base64: thresholds may be infinite, which JSON cannot say. */
const Bytes = z.base64();
const StoredTree = z.strictObject({
  output: z.number().int(),
  feature: Bytes,
  threshold: Bytes,
  left: Bytes,
  right: Bytes,
  missingLeft: Bytes,
  leafValue: Bytes,
  gain: Bytes,
  leftCodes: z.array(z.tuple([z.number().int(), Bytes])),
});
const StoredEnsemble = z.strictObject({
  featureCount: z.number().int(),
  task: Task,
  outputs: z.number().int(),
  baseScores: z.array(z.number()),
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
    output: tree.output,
    feature: encode(tree.feature),
    threshold: encode(tree.threshold),
    left: encode(tree.left),
    right: encode(tree.right),
    missingLeft: encode(tree.missingLeft),
    leafValue: encode(tree.leafValue),
    gain: encode(tree.gain),
    leftCodes: [...tree.leftCodes].map(([node, codes]) => [node, encode(codes)]),
  };
}

function restoredTree(tree: z.infer<typeof StoredTree>): Tree {
  return {
    output: tree.output,
    feature: new Int32Array(decode(tree.feature)),
    threshold: new Float32Array(decode(tree.threshold)),
    left: new Int32Array(decode(tree.left)),
    right: new Int32Array(decode(tree.right)),
    missingLeft: new Uint8Array(decode(tree.missingLeft)),
    leafValue: new Float32Array(decode(tree.leafValue)),
    gain: new Float32Array(decode(tree.gain)),
    leftCodes: new Map(tree.leftCodes.map(([node, codes]) => [node, new Float32Array(decode(codes))])),
  };
}

function encode(values: Int32Array | Float32Array | Uint8Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
}

/** A buffer of its own, so that any type of array can stand on it. */
function decode(text: string): ArrayBuffer {
  return Uint8Array.from(Buffer.from(text, 'base64')).buffer;
}
