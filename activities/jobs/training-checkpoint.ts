/**
 * Checkpoints of a training run, bound to the run that grew its trees. Each is an artefact with the trees since the one
 * before it, and says which that is: what was stored once is not stored again, and a heart-beat names only the last.
 */
import { z } from 'zod';
import { ArtifactRef } from '../../domain/artifact.js';
import { Task } from '../../domain/task.js';
import type { Tree, TreeEnsemble } from '../../ml/training/tree-ensemble.js';
import type { ArtifactStore } from '../../store/contracts/artifacts.js';
import { putJson } from '../../store/contracts/json-artifacts.js';

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
  /** Where the trees before these are. */
  earlier: ArtifactRef.nullable(),
  trees: z.array(StoredTree),
});
type StoredEnsemble = z.infer<typeof StoredEnsemble>;

/**
 * Stores the trees that `earlier` does not have, then names them: a checkpoint that was reported can always be read.
 * `earlier` must be a checkpoint of the same run.
 */
export async function saveCheckpoint(
  artifacts: ArtifactStore,
  { key, earlier }: { readonly key: string; readonly earlier: TrainingCheckpoint | null },
  ensemble: TreeEnsemble,
): Promise<TrainingCheckpoint> {
  const trees = ensemble.trees.slice(earlier?.iteration ?? 0).map(storedTree);
  const stored: StoredEnsemble = {
    ...ensemble,
    baseScores: [...ensemble.baseScores],
    earlier: earlier?.trees ?? null,
    trees,
  };
  return { key, iteration: ensemble.trees.length, trees: await putJson(artifacts, stored) };
}

/** The trees of an earlier attempt, or why there are none to go on from; null at the first attempt. */
export type FoundCheckpoint =
  | { readonly trees: TreeEnsemble; readonly checkpoint: TrainingCheckpoint; readonly unusable?: never }
  | { readonly trees: null; readonly unusable: string | null };

/**
 * Goes on only from what this very run stored, in the form in which it is stored today: a checkpoint of other inputs or
 * parameters, of another version of this code or one that is gone is no reason to fail.
 */
export async function loadCheckpoint(
  artifacts: ArtifactStore,
  key: string,
  reported: unknown,
): Promise<FoundCheckpoint> {
  if (reported === undefined || reported === null) return { trees: null, unusable: null };
  const checkpoint = TrainingCheckpoint.safeParse(reported);
  if (!checkpoint.success) return unusable('has another form than this version writes');
  const { key: owner, trees } = checkpoint.data;
  if (owner !== key) return unusable('is of a run with other data or parameters');
  const parts: StoredEnsemble[] = [];
  for (let at: ArtifactRef | null = trees; at !== null; at = parts[0]?.earlier ?? null) {
    if (!(await artifacts.exists(at))) return unusable('is gone');
    const stored = StoredEnsemble.safeParse(parsed(await artifacts.get(at)));
    if (!stored.success) return unusable('holds trees in another form than this version writes');
    parts.unshift(stored.data);
  }
  return { trees: joined(parts), checkpoint: checkpoint.data };
}

/** The ensemble whose trees were stored in these parts, first to last. */
function joined(parts: readonly StoredEnsemble[]): TreeEnsemble {
  const last = parts.at(-1);
  if (last === undefined) throw new TypeError('a checkpoint has one part at least');
  const { earlier: _earlier, ...ensemble } = last;
  return { ...ensemble, trees: parts.flatMap(({ trees }) => trees.map(restoredTree)) };
}

function unusable(reason: string): FoundCheckpoint {
  return { trees: null, unusable: reason };
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
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
