/** Feature history while a caller waits. The table engine is opened when it is first asked for: most processes never need it. */
import { type AskedHistory, readHistory } from '../scoring/feature-history.js';
import type { OnlineRow } from '../store/contracts/features.js';
import type { Stores } from '../store/contracts/index.js';
import type { TableEngine } from '../store/contracts/tables.js';
import type { StoreAccess } from './store-access.js';

export interface HistoryReader {
  /** Throws `PRN_UNAVAILABLE` when MongoDB is away or the chunks take too long to read. */
  read(asked: AskedHistory): Promise<ReadonlyMap<string, OnlineRow>>;
  close(): Promise<void>;
}

export interface HistoryReaderDependencies {
  readonly stores: Pick<Stores, 'features' | 'artifacts'>;
  readonly access: StoreAccess;
  readonly openTables: () => Promise<TableEngine>;
}

const ANSWER_MS = 15_000;

export function createHistoryReader({ stores, access, openTables }: HistoryReaderDependencies): HistoryReader {
  let opened: Promise<TableEngine> | null = null;
  const tables = (): Promise<TableEngine> => {
    opened ??= openTables().catch((error: unknown) => {
      opened = null;
      throw error;
    });
    return opened;
  };
  return {
    read: (asked) =>
      access.ask(
        'The feature history',
        async () => {
          const { features, artifacts } = stores;
          return readHistory({ features, artifacts, tables: await tables() }, asked, AbortSignal.timeout(ANSWER_MS));
        },
        ANSWER_MS,
      ),
    async close() {
      await (await opened)?.close();
    },
  };
}
