/** What a program measured while it trained, in memory that does not grow with what it says. */

/** The step and the metrics of one moment. */
export type MetricPoint = Record<string, number>;

export class MetricHistory {
  readonly #limits: { readonly points: number; readonly names: number };
  readonly #names = new Set<string>();
  #kept: MetricPoint[] = [];
  #last: MetricPoint | null = null;
  /** Points told of, and which of them are kept: one in so many. */
  #told = 0;
  #every = 1;

  constructor(limits: { readonly points: number; readonly names: number }) {
    this.#limits = limits;
  }

  get told(): number {
    return this.#told;
  }

  add(step: number, metrics: Readonly<Record<string, number>>): void {
    this.#last = { ...Object.fromEntries(Object.entries(metrics).filter(([name]) => this.#has(name))), step };
    if (this.#told % this.#every === 0) this.#kept.push(this.#last);
    this.#told += 1;
    if (this.#kept.length < this.#limits.points) return;
    this.#kept = this.#kept.filter((_point, index) => index % 2 === 0);
    this.#every *= 2;
  }

  /** In the order in which they came, evenly spread where there were more than are kept, and the last. */
  points(): MetricPoint[] {
    return this.#last === null || this.#kept.at(-1) === this.#last ? [...this.#kept] : [...this.#kept, this.#last];
  }

  #has(name: string): boolean {
    if (this.#names.size < this.#limits.names) this.#names.add(name);
    return this.#names.has(name);
  }
}
