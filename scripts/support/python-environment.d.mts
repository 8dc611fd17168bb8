/** The virtual environment of the trainers in Python. */
export interface PythonEnvironment {
  readonly folder: string;
  /** Its `python`. */
  readonly interpreter: string;
}

/** The environment for this checkout and interpreter; undefined where it was not made, or there is no such Python. */
export function findPythonEnvironment(root: string, env?: NodeJS.ProcessEnv): Promise<PythonEnvironment | undefined>;

/** Makes it unless it is there: wheels only, versions and digests as locked. */
export function ensurePythonEnvironment(
  root: string,
  options?: { env?: NodeJS.ProcessEnv; onProgress?: (line: string) => void },
): Promise<PythonEnvironment>;
