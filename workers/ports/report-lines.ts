/** Reports of a program: lines of its standard output, none of which takes more memory than it may. */
import type { Readable } from 'node:stream';

const LINE_FEED = 0x0a;

/**
 * Objects in JSON, one a line. Other lines are passed over, and so are those of more than `maxBytes`, of which no more
 * than that is ever kept.
 */
export async function* reportLines(output: Readable, maxBytes: number): AsyncGenerator<Record<string, unknown>> {
  const line = new BoundedLine(maxBytes);
  for await (const chunk of output as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, from)) {
      line.add(chunk.subarray(from, end));
      const report = readReport(line.take());
      if (report !== null) yield report;
      from = end + 1;
    }
    line.add(chunk.subarray(from));
  }
  const last = readReport(line.take());
  if (last !== null) yield last;
}

class BoundedLine {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes > this.#maxBytes) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  /** The line so far, empty where it was too long; the next one begins. */
  take(): string {
    const text = this.#bytes > this.#maxBytes ? '' : Buffer.concat(this.#parts).toString('utf8');
    this.#parts = [];
    this.#bytes = 0;
    return text;
  }
}

function readReport(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
}
