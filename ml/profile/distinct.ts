/** DuckDB's own 64-bit hash, repeated here bit for bit, so that sketches of tables and of arrays merge. */
import { emptyRegisters, HIGHEST_RANK } from '../../domain/distinct-sketch.js';
import { DISTINCT_REGISTERS } from '../../domain/profile.js';

export const REGISTER_BITS = 10;

/** A constant factor of 64 bits: its halves, and the lower one's halves, as unsigned numbers. */
interface Factor {
  readonly high: number;
  readonly low: number;
  readonly lowUpper: number;
  readonly lowLower: number;
}

const FACTOR = factorOf(0xd6e8feb8, 0x6659fd93);
const LENGTH_FACTOR = factorOf(0xc6a4a793, 0x5bd1e995);
const SEED = 0xe17a1465 | 0;

/** The hash that was computed last, in two halves: BigInt took a hundred times as long. */
const word = { low: 0, high: 0 };
const float = new Float64Array(1);
/** Little-endian, as every machine we run on. */
const halves = new Int32Array(float.buffer);
const encoder = new TextEncoder();
/** Texts that surely fit are encoded in place, with room for the zeros of the last block. */
const ROOM = 1_024;
const encoded = new Uint8Array(ROOM + 8);

/** Counts DuckDB's `hash(x::double)`. */
export function countNumber(registers: Uint8Array, value: number): void {
  float[0] = value === 0 ? 0 : value;
  word.low = halves[0] ?? 0;
  word.high = halves[1] ?? 0;
  mix();
  raiseRegister(registers);
}

/** Counts DuckDB's `hash(x::varchar)`. */
export function countText(registers: Uint8Array, text: string): void {
  const isShort = text.length * 3 <= ROOM;
  const bytes = isShort ? encoded : encoder.encode(text);
  const length = isShort ? encoder.encodeInto(text, encoded).written : bytes.length;
  if (isShort) encoded.fill(0, length, length + 8);
  word.low = length;
  word.high = 0;
  multiply(LENGTH_FACTOR);
  word.low ^= SEED;
  for (let start = 0; start < length; start += 8) {
    word.low ^= halfAt(bytes, start);
    word.high ^= halfAt(bytes, start + 4);
    multiply(FACTOR);
  }
  mix();
  raiseRegister(registers);
}

/** Four bytes, lowest first; zeros beyond the end. */
function halfAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}

function mix(): void {
  word.low ^= word.high;
  multiply(FACTOR);
  word.low ^= word.high;
  multiply(FACTOR);
  word.low ^= word.high;
}

/** The lower 64 bits of the product; quarters of 16 bits give the upper half of low × low without rounding. */
function multiply({ high, low, lowUpper, lowLower }: Factor): void {
  const [upper, lower] = [word.low >>> 16, word.low & 0xffff];
  const first = upper * lowLower + ((lower * lowLower) >>> 16);
  const second = lower * lowUpper + (first & 0xffff);
  const carried = upper * lowUpper + (first >>> 16) + (second >>> 16);
  word.high = (carried + Math.imul(word.high, low) + Math.imul(word.low, high)) | 0;
  word.low = Math.imul(word.low, low);
}

function factorOf(high: number, low: number): Factor {
  return { high, low, lowUpper: low >>> 16, lowLower: low & 0xffff };
}

/** Raises the register that the hash falls on to the position of the lowest set bit above the register's own bits. */
function raiseRegister(registers: Uint8Array): void {
  const register = word.low & (DISTINCT_REGISTERS - 1);
  const rest = (word.low >>> REGISTER_BITS) | (word.high << (32 - REGISTER_BITS));
  const zeros = rest === 0 ? 32 + trailingZeros(word.high >>> REGISTER_BITS) : trailingZeros(rest);
  const rank = Math.min(zeros + 1, HIGHEST_RANK);
  if (rank > (registers[register] ?? 0)) registers[register] = rank;
}

function trailingZeros(half: number): number {
  return half === 0 ? 32 : 31 - Math.clz32(half & -half);
}

/** What a register and the highest rank that it saw are written as, in one number. */
export const RANK_PLACES = 64;

/** Of registers with their ranks, `register · RANK_PLACES + rank`, in any order. */
export function registersOfRanks(ranks: readonly number[]): Uint8Array {
  const registers = emptyRegisters();
  for (const each of ranks) registers[Math.floor(each / RANK_PLACES)] = each % RANK_PLACES;
  return registers;
}
