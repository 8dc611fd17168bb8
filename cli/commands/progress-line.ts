/** Says on a stream how far something is: a line for each stage, and in a terminal one line that is written over. */

export interface ProgressLine {
  stage(message: string): void;
  /** Nothing where the stream is no terminal: a log would be full of it. */
  detail(message: string): void;
  /** Before anything else is written. */
  clear(): void;
}

/** To the start of the line, and all behind it away. */
const ERASE = '\r\u001B[K';
const USUAL_COLUMNS = 80;

export function progressLine(
  stream: Pick<NodeJS.WriteStream, 'write'> & { readonly isTTY?: boolean; readonly columns?: number },
): ProgressLine {
  const isTerminal = stream.isTTY === true;
  const erase = isTerminal ? ERASE : '';
  return {
    stage(message) {
      stream.write(`${erase}${message}\n`);
    },
    detail(message) {
      if (isTerminal) stream.write(`${ERASE}  ${message.slice(0, (stream.columns ?? USUAL_COLUMNS) - 3)}`);
    },
    clear() {
      if (isTerminal) stream.write(ERASE);
    },
  };
}
