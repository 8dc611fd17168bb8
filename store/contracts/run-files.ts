/** Files of training runs, one document for each run; the bytes lie in the artefact store. */
import type { ArtifactRef } from '../../domain/artifact.js';
import type { RunFiles, RunOutput } from '../../domain/run-files.js';

export interface RunFilesStore {
  /**
   * Opens a run's files to a token, and to none that was given before. A closed run opens again, with what was left in it;
   * attempts begin anew.
   */
  open(access: {
    readonly runId: string;
    readonly tokenDigest: string;
    readonly inputs: readonly ArtifactRef[];
    readonly untilTs: number;
  }): Promise<void>;
  get(runId: string): Promise<RunFiles | null>;
  /**
   * Adds a file that an attempt left, and makes that attempt the writer. False where a newer attempt has written, or the
   * run is closed: then nothing was added.
   */
  add(runId: string, output: RunOutput): Promise<boolean>;
  /** No token opens the files any more. */
  close(runId: string): Promise<void>;
}
