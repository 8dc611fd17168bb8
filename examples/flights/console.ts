/** What the demo says: stage lines with elapsed time, one line redrawn while work goes on, plain lines without a terminal. */

export interface DemoConsole {
  /** Opens a stage and ends the one before. */
  stage(title: string): void;
  /** A fact worth keeping on the screen. */
  fact(text: string): void;
  /** Replaces the current progress line; without a terminal shown only now and then. */
  progress(text: string): void;
  seconds(): number;
}

const PLAIN_PROGRESS_EVERY_MS = 10_000;

export function openConsole(startedMs: number): DemoConsole {
  const terminal = process.stdout.isTTY;
  let lastProgressMs = 0;
  let open = false;
  const elapsed = (): string => `${((Date.now() - startedMs) / 1_000).toFixed(0).padStart(4)}s`;
  const clear = (): void => {
    if (open) process.stdout.write('\r\u001b[2K');
    open = false;
  };
  return {
    seconds: () => (Date.now() - startedMs) / 1_000,
    stage(title) {
      clear();
      console.log(`\n${elapsed()}  ${terminal ? `\u001b[1m${title}\u001b[0m` : title}`);
    },
    fact(text) {
      clear();
      for (const line of text.split('\n')) console.log(`       ${line}`);
    },
    progress(text) {
      if (terminal) {
        process.stdout.write(`\r\u001b[2K       ${text}`);
        open = true;
      } else if (Date.now() - lastProgressMs >= PLAIN_PROGRESS_EVERY_MS) {
        lastProgressMs = Date.now();
        console.log(`${elapsed()}  ${text}`);
      }
    },
  };
}
