/** Seeded, stateless randomness: a value depends on its key alone, so that a resumed run draws what the first one drew. */

/** 32-bit mix of integers (murmur3 finaliser over a running state): uniform, fast, the same on every machine. */
export function mix32(...parts: readonly number[]): number {
  let state = 0x9e3779b9;
  for (const part of parts) {
    state ^= Math.imul(part | 0, 0xcc9e2d51);
    state = Math.imul((state << 15) | (state >>> 17), 0x1b873593);
    state ^= state >>> 16;
    state = Math.imul(state, 0x85ebca6b);
    state ^= state >>> 13;
    state = Math.imul(state, 0xc2b2ae35);
    state ^= state >>> 16;
  }
  return state >>> 0;
}

/** Uniform in [0, 1) by key. */
export function uniformOf(...key: readonly number[]): number {
  return mix32(...key) / 4_294_967_296;
}

/** A sequential generator (mulberry32) for resampling loops; uniform in [0, 1). */
export function createUniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
