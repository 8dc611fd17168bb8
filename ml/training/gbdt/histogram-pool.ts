/** Histograms of open leaves in a bounded amount of memory. */
import type { NodeHistogram } from './histogram.js';

/** Leaves that get no histogram of their own share these two, for as long as their split is looked for. */
const SCRATCH = 2;

/** Where the histograms of all open leaves would take too much, some leaves go without, and their rows are summed again. */
export class HistogramPool {
  readonly #length: number;
  readonly #most: number;
  readonly #free: NodeHistogram[] = [];
  readonly #scratch: NodeHistogram[] = [];
  #made = 0;
  #nextScratch = 0;

  /** `length` numbers each; at most `most` of them and so many `bytes`, but two at least. */
  constructor(length: number, { most, bytes }: { readonly most: number; readonly bytes: number }) {
    this.#length = length;
    this.#most = Math.max(2, Math.min(most, Math.floor(bytes / (8 * Math.max(1, length)))));
  }

  take(): NodeHistogram {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#made < this.#most) {
      this.#made += 1;
      return new Float64Array(this.#length);
    }
    this.#nextScratch = (this.#nextScratch + 1) % SCRATCH;
    return (this.#scratch[this.#nextScratch] ??= new Float64Array(this.#length));
  }

  /** False for one that the next leaves will overwrite. */
  mayBeKept(histogram: NodeHistogram): boolean {
    return !this.#scratch.includes(histogram);
  }

  giveBack(histogram: NodeHistogram | null): void {
    if (histogram !== null && this.mayBeKept(histogram)) this.#free.push(histogram);
  }
}
