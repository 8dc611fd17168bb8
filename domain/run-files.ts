/** The files of one training run, for a trainer that shares no disk with the installation. */
import { z } from 'zod';
import { ArtifactRef } from './artifact.js';
import { TrackingKey } from './tracking.js';

/** A file that a trainer left with the run. */
export const RunOutput = z.strictObject({ name: z.string(), attempt: z.number().int().positive(), file: ArtifactRef });
export type RunOutput = z.infer<typeof RunOutput>;

export const RunFiles = z.strictObject({
  runId: z.string(),
  /** SHA-256 of the token that opens these files, none once they are closed; the token itself is not stored. */
  tokenDigests: z.array(z.string()),
  /** What the trainer may read, beside what was left here. */
  inputs: z.array(ArtifactRef),
  outputs: z.array(RunOutput),
  /** The newest attempt that wrote; an older one writes no more. 0 before the first. */
  attempt: z.number().int().nonnegative(),
  /** Nothing opens them any more: the run is over. */
  closed: z.boolean(),
  /** Nothing opens them later than this, microseconds. */
  untilTs: z.number().int(),
});
export type RunFiles = z.infer<typeof RunFiles>;

/** What trainers may leave with one run: files, and bytes as so many uploads of the greatest size. */
export const RUN_FILE_LIMITS = { files: 5_000, uploads: 4 };

/** True where a run that was left these files may be left no more. */
export function isRunFull({ outputs }: RunFiles, uploadMaxBytes: number): boolean {
  const bytes = outputs.reduce((sum, { file }) => sum + file.bytes, 0);
  return outputs.length >= RUN_FILE_LIMITS.files || bytes >= RUN_FILE_LIMITS.uploads * uploadMaxBytes;
}

/** The file with this digest, if the run has it. */
export function findRunFile({ inputs, outputs }: RunFiles, sha256: string): ArtifactRef | null {
  return [...inputs, ...outputs.map(({ file }) => file)].find((file) => file.sha256 === sha256) ?? null;
}

export function opensRunFiles(files: RunFiles | null, tokenDigest: string, now: number): files is RunFiles {
  return files !== null && !files.closed && now < files.untilTs && files.tokenDigests.includes(tokenDigest);
}

/** What a trainer measured, in the order in which it did. */
export const RunReport = z.strictObject({
  points: z
    .array(
      z.strictObject({
        step: z.number().int(),
        timestampMs: z.number().int(),
        metrics: z.record(TrackingKey, z.number()),
      }),
    )
    .max(100),
});
export type RunReport = z.infer<typeof RunReport>;

/** Holder of a run while an attempt of its trainer reports what it measures. */
export function trainerOwner(attempt: number): string {
  return `trainer, attempt ${attempt}`;
}

/** The attempt whose trainer holds a run, by the name of {@link trainerOwner}; 0 where somebody else holds it. */
export function attemptOfOwner(owner: string | undefined): number {
  return Number(/^trainer, attempt (\d+)$/.exec(owner ?? '')?.[1] ?? 0);
}
