/** What a command trainer is, and how one process of it is run. Composition roots implement the port. */

/** An allow-listed command. */
export interface TrainerCommand {
  /** Program and arguments; the folder of the run comes behind them. */
  readonly argv: readonly [string, ...string[]];
  /** SHA-256 over the files that the arguments name: the code of the run. */
  readonly digest: string;
}

export interface CommandRun {
  readonly command: TrainerCommand;
  /** Working folder and last argument. Standard error goes to `stderr.log` in it. */
  readonly folder: string;
  readonly wallMs: number;
  readonly cpuSeconds: number;
  readonly memoryMb: number;
  /** A command that reports nothing for so long is ended. */
  readonly stalledAfterMs: number;
  /** Cancelled: SIGTERM, then SIGKILL to the whole group. */
  readonly signal: AbortSignal;
  /** Hears each JSON object on standard output, one after the other. */
  readonly onReport: (report: Readonly<Record<string, unknown>>) => Promise<void>;
}

/** How it ended. Whatever it started is gone by then, too. */
export type CommandEnd =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly signal: string }
  | { readonly kind: 'limit'; readonly limit: string }
  | { readonly kind: 'stalled'; readonly seconds: number };

export interface CommandPort {
  /** Throws `PRN_TRAINER_COMMAND` for one that is not on the list of this worker, or cannot be bounded here. */
  find(name: string): Promise<TrainerCommand>;
  run(run: CommandRun): Promise<CommandEnd>;
}
