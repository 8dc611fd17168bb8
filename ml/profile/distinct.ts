/** DuckDB's own 64-bit hash, repeated here bit for bit, so that sketches of tables and of arrays merge. */
import { emptyRegisters, HIGHEST_RANK } from '../../domain/distinct-sketch.js';
import { DISTINCT_REGISTERS } from '../../domain/profile.js';

export const REGISTER_BITS = 10;

const WORD = (1n << 64n) - 1n;
const FACTOR = 0xd6e8feb86659fd93n;
const LENGTH_FACTOR = 0xc6a4a7935bd1e995n;
const SEED = 0xe17a1465n;

const bits = new DataView(new ArrayBuffer(8));
const encoder = new TextEncoder();

/** DuckDB's `hash(x::double)`. */
export function hashNumber(value: number): bigint {
  bits.setFloat64(0, value === 0 ? 0 : value);
  return mix(bits.getBigUint64(0));
}

/** DuckDB's `hash(x::varchar)`. */
export function hashText(text: string): bigint {
  const bytes = encoder.encode(text);
  let hash = SEED ^ ((BigInt(bytes.length) * LENGTH_FACTOR) & WORD);
  for (let start = 0; start < bytes.length; start += 8) {
    let block = 0n;
    for (let at = Math.min(start + 8, bytes.length) - 1; at >= start; at -= 1)
      block = (block << 8n) | BigInt(bytes[at] ?? 0);
    hash = ((hash ^ block) * FACTOR) & WORD;
  }
  return mix(hash);
}

function mix(word: bigint): bigint {
  let mixed = word ^ (word >> 32n);
  mixed = (mixed * FACTOR) & WORD;
  mixed ^= mixed >> 32n;
  mixed = (mixed * FACTOR) & WORD;
  return mixed ^ (mixed >> 32n);
}

/** Raises the register that a hash falls on. */
export function countHash(registers: Uint8Array, hash: bigint): void {
  const register = Number(hash & BigInt(DISTINCT_REGISTERS - 1));
  let rest = hash >> BigInt(REGISTER_BITS);
  let rank = 1;
  while (rank < HIGHEST_RANK && (rest & 1n) === 0n) {
    rest >>= 1n;
    rank += 1;
  }
  registers[register] = Math.max(registers[register] ?? 0, rank);
}

/** Of a bitmap, highest bit first, in which bit `register · HIGHEST_RANK + rank − 1` says that a rank was seen. */
export function registersOfBitmap(bitmap: Uint8Array): Uint8Array {
  const registers = emptyRegisters();
  for (const [index, byte] of bitmap.entries()) {
    for (let bit = 0; byte !== 0 && bit < 8; bit += 1) {
      if ((byte & (128 >> bit)) === 0) continue;
      const position = index * 8 + bit;
      const register = Math.floor(position / HIGHEST_RANK);
      registers[register] = Math.max(registers[register] ?? 0, (position % HIGHEST_RANK) + 1);
    }
  }
  return registers;
}
