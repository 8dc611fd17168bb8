import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { reportLines } from '../../workers/ports/report-lines.js';

async function reportsOf(chunks: readonly (string | Buffer)[], maxBytes = 64): Promise<unknown[]> {
  const reports: unknown[] = [];
  const output = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
  for await (const report of reportLines(output, maxBytes)) reports.push(report);
  return reports;
}

describe('reports on the output of a program', () => {
  it('are the lines that hold one object, however they arrive', async () => {
    expect(await reportsOf(['{"a": 1}\nwords\n[1]\n{"b"', ': "é"}', '\n{"c": 3}'])).toEqual([
      { a: 1 },
      { b: 'é' },
      { c: 3 },
    ]);
    const bytes = [...Buffer.from('{"b": "é"}\n')].map((byte) => Buffer.of(byte));
    expect(await reportsOf(bytes)).toEqual([{ b: 'é' }]);
  });

  it('are passed over where they are longer than allowed, and the next is heard', async () => {
    const long = `{"a": "${'x'.repeat(60)}"}`;
    expect(await reportsOf([`${long}\n{"b": 2}\n`])).toEqual([{ b: 2 }]);
    expect(await reportsOf([long], long.length)).toEqual([{ a: 'x'.repeat(60) }]);
  });

  it('take no memory for a line that never ends', async () => {
    function* endless(): Generator<Buffer> {
      for (let megabytes = 0; megabytes < 512; megabytes += 1) yield Buffer.alloc(1 << 20, 0x7b);
    }
    const before = process.memoryUsage().rss;
    for await (const report of reportLines(Readable.from(endless()), 65_536)) expect(report).toBeUndefined();
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20);
  });
});
