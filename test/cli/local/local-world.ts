/** A folder with resources and files, and `features historical` over them as a function. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type HistoricalRequest, type HistoricalSummary, retrieveHistorical } from '../../../cli/local/historical.js';
import { outputEnding } from '../../../cli/output-ending.js';
import { openTableEngine } from '../../../store/tables/engine.js';
import { MICROS_PER_DAY, MICROS_PER_HOUR, micros, toIso } from '../../../domain/time.js';

/** A fixed hour: 2024-03-01T12:00:00Z. */
export const T = Date.UTC(2024, 2, 1, 12) * 1_000;
export const HOUR = MICROS_PER_HOUR;
export const DAY = MICROS_PER_DAY;

export const iso = (time: number): string => toIso(micros(time));

export interface LocalWorld {
  readonly folder: string;
  /** Writes a file and returns its path. */
  write(name: string, content: string | Uint8Array): Promise<string>;
  /** Writes the rows of a query as a file; its ending tells the format. */
  table(name: string, query: string): Promise<string>;
  /** Documents of the folder `resources`, as one YAML file. */
  declare(...documents: readonly object[]): Promise<void>;
  /** Answer as rows, from a JSON output. */
  ask(options: AskOptions): Promise<{ rows: Record<string, unknown>[]; summary: HistoricalSummary }>;
  remove(): Promise<void>;
}

export interface AskOptions extends Partial<Omit<HistoricalRequest, 'spine' | 'tables' | 'out'>> {
  readonly spine: string;
  readonly tables: Readonly<Record<string, string | readonly string[]>>;
  readonly out?: string;
}

export async function openLocalWorld(): Promise<LocalWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-local-test-'));
  const write = async (name: string, content: string | Uint8Array): Promise<string> => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };
  return {
    folder,
    write,
    async table(name, query) {
      const path = join(folder, name);
      const tables = await openTableEngine({ dataDirectories: [folder], spillDirectory: folder });
      await tables.use((session) => session.execute(`copy (${query}) to '${path}'`));
      await tables.close();
      return path;
    },
    async declare(...documents) {
      await write('resources.yaml', documents.map((document) => stringify(document)).join('---\n'));
    },
    async ask({ spine, tables, out = join(folder, 'answer.json'), ...options }) {
      const ending = outputEnding(out);
      if (ending === undefined) throw new Error(`no ending: ${out}`);
      const summary = await retrieveHistorical({
        resources: join(folder, 'resources.yaml'),
        spine,
        tables: Object.entries(tables).flatMap(([dataset, files]) => [files].flat().map((file) => ({ dataset, file }))),
        out: { path: out, ending },
        knowledge: 'as-known',
        fullNames: false,
        now: Date.UTC(2026, 0) * 1_000,
        ...options,
      });
      return { rows: ending === 'json' ? JSON.parse(await readFile(out, 'utf8')) : [], summary };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

export function document(kind: string, name: string, spec: object): object {
  return { apiVersion: 'perennial/v1', kind, metadata: { name }, spec };
}

/** Delimited text; null is the empty field. */
export function csv(header: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  return [header, ...rows].map((row) => row.map((value) => value ?? '').join(',')).join('\n') + '\n';
}
