/** The two engines that Perennial runs on. */
export type EngineName = 'temporal' | 'mongod';

/** Where an engine was found: a running server by address, or a binary to start. `source` says in words how. */
export type EngineChoice =
  | { readonly engine: EngineName; readonly kind: 'address'; readonly address: string; readonly source: string }
  | {
      readonly engine: EngineName;
      readonly kind: 'binary';
      readonly path: string;
      /** First line that `--version` printed. */
      readonly version: string;
      readonly source: string;
    };

export interface EngineOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly onProgress?: (line: string) => void;
}

/** Folder of everything that Perennial downloads or builds: `${XDG_CACHE_HOME:-~/.cache}/perennial`. */
export function cacheFolder(env?: NodeJS.ProcessEnv): string;

/** Finds an engine without installing anything; undefined when there is none. Throws when a named binary does not run. */
export function findEngine(name: EngineName, options?: EngineOptions): Promise<EngineChoice | undefined>;

/** Finds an engine or installs it into the cache. Throws with every way that was tried and what a person can do. */
export function ensureEngine(name: EngineName, options?: EngineOptions): Promise<EngineChoice>;
