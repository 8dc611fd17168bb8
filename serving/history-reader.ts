/** Feature history while a caller waits. The table engine is opened when it is first asked for: most processes never need it. */
import type { FrozenView } from '../domain/bundle.js';
import { type AskedHistory, readHistory } from '../scoring/feature-history.js';
import type { OnlineRow } from '../store/contracts/features.js';
import type { Stores } from '../store/contracts/index.js';
import type { TableEngine } from '../store/contracts/tables.js';
import { createRecentlyUsed } from './recently-used.js';
import type { StoreAccess } from './store-access.js';

export interface HistoryReader {
  /** Throws `PRN_UNAVAILABLE` when MongoDB is away or the chunks take too long to read. */
  read(asked: AskedHistory): Promise<ReadonlyMap<string, OnlineRow>>;
  /**
   * The rows that still count at `asOf` for entities whose newest online row does not yet, by key. They are remembered
   * for a while: with a serving delay each entity is asked about many times before its newest row counts.
   */
  readBefore(asked: HiddenRows): Promise<ReadonlyMap<string, OnlineRow>>;
  close(): Promise<void>;
}

export interface HiddenRows {
  readonly view: FrozenView;
  /** The newest online rows, none of which counts yet. */
  readonly newest: readonly OnlineRow[];
  /** Microseconds. */
  readonly asOf: number;
}

export interface HistoryReaderDependencies {
  readonly stores: Pick<Stores, 'features' | 'artifacts' | 'resources'>;
  readonly access: StoreAccess;
  readonly openTables: () => Promise<TableEngine>;
  /** A clock that only goes forward, milliseconds. */
  readonly elapsedMs: () => number;
}

const ANSWER_MS = 15_000;
/** A row that came late in the meantime is noticed after this. */
const REMEMBER_MS = 30_000;
const MAX_REMEMBERED = 100_000;

export function createHistoryReader({
  stores,
  access,
  openTables,
  elapsedMs,
}: HistoryReaderDependencies): HistoryReader {
  let opened: Promise<TableEngine> | null = null;
  const tables = (): Promise<TableEngine> => {
    opened ??= openTables().catch((error: unknown) => {
      opened = null;
      throw error;
    });
    return opened;
  };
  const read = (asked: AskedHistory): Promise<ReadonlyMap<string, OnlineRow>> =>
    access.ask(
      'The feature history',
      async () => {
        const { features, artifacts, resources } = stores;
        const dependencies = { features, artifacts, resources, tables: await tables() };
        return readHistory(dependencies, asked, AbortSignal.timeout(ANSWER_MS));
      },
      ANSWER_MS,
    );
  const remembered = createRecentlyUsed<{ row: OnlineRow | null; readMs: number }>(MAX_REMEMBERED);
  return {
    read,
    async readBefore({ view, newest, asOf }) {
      const idOf = ({ key, seq }: OnlineRow): string => [view.view, view.revision, view.features, seq, key].join('/');
      const oldestMs = elapsedMs() - REMEMBER_MS;
      const isKnown = (row: OnlineRow): boolean => (remembered.get(idOf(row))?.readMs ?? -Infinity) >= oldestMs;
      const unread = newest.filter((row) => !isKnown(row));
      const keys = unread.map(({ key }) => key);
      const found = keys.length === 0 ? new Map<string, OnlineRow>() : await read({ view, keys, asOf });
      for (const row of unread) remembered.set(idOf(row), { row: found.get(row.key) ?? null, readMs: elapsedMs() });
      return new Map(
        newest.flatMap((row) => {
          const before = remembered.get(idOf(row))?.row;
          return before === undefined || before === null ? [] : [[row.key, before] as const];
        }),
      );
    },
    async close() {
      await (await opened)?.close();
    },
  };
}
