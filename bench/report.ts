/** What every benchmark prints and writes: figures with the machine they were taken on, and aims that never fail a build. */
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';

export interface BenchmarkOptions {
  /** A folder with data to measure on in place of generated data; each case says which files it looks for. */
  readonly data: string | null;
  /** Length of the longest part, where a case lasts as long as it is told to. */
  readonly seconds: number | null;
}

export interface Aim {
  readonly value: number;
  readonly aim: number;
  readonly direction: 'atMost' | 'atLeast';
}

export interface BenchmarkReport {
  readonly case: string;
  readonly figures: Readonly<Record<string, number>>;
  readonly aims: Readonly<Record<string, Aim>>;
}

export function publish(report: BenchmarkReport, jsonFile: string | null): void {
  const width = Math.max(...Object.keys(report.figures).map((name) => name.length));
  for (const [name, value] of Object.entries(report.figures)) console.log(`${name.padEnd(width)}  ${format(value)}`);
  for (const [name, { value, aim, direction }] of Object.entries(report.aims)) {
    const met = isMet({ value, aim, direction });
    console.log(
      `aim: ${name} ${format(value)}, ${direction === 'atMost' ? 'at most' : 'at least'} ${format(aim)}: ${met ? 'met' : 'missed'}`,
    );
  }
  if (jsonFile !== null) writeFileSync(jsonFile, `${JSON.stringify(document(report), null, 2)}\n`);
}

function document(report: BenchmarkReport): unknown {
  const aims = Object.entries(report.aims).map(
    ([name, aim]) => [name, { value: aim.value, aim: aim.aim, [aim.direction]: true, met: isMet(aim) }] as const,
  );
  const machine = {
    cpus: cpus().length,
    model: cpus()[0]?.model ?? '',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
  return { case: report.case, machine, load: loadavg(), figures: report.figures, aims: Object.fromEntries(aims) };
}

function isMet({ value, aim, direction }: Aim): boolean {
  return direction === 'atMost' ? value <= aim : value >= aim;
}

function format(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(3);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
