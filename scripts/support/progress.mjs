/**
 * Makes a function that prints one line with the seconds since the process began, to standard error so that standard
 * output stays free for results.
 * @returns {(line: string) => void}
 */
export function createProgress() {
  return (line) => {
    const seconds = (performance.now() / 1000).toFixed(1).padStart(6);
    process.stderr.write(`[${seconds}s] ${line}\n`);
  };
}
