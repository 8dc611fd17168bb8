import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTableEngine } from '../../../store/tables/engine.js';

describe('the table engine', () => {
  it('reads nothing outside its folders and keeps its settings', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
    const tables = await openTableEngine({ dataDirectories: [folder], spillDirectory: folder });
    try {
      const refused = (sql: string): Promise<unknown> =>
        tables
          .use((session) => session.rows(sql))
          .then(
            () => 'allowed',
            (error: unknown) => (error as { code: string }).code,
          );
      expect(await refused(`select * from read_csv('/etc/passwd')`)).toBe('PRN_TABLE_QUERY_FAILED');
      expect(await refused(`select * from read_text('${folder}/../../etc/hostname')`)).toBe('PRN_TABLE_QUERY_FAILED');
      expect(await refused('install httpfs')).toBe('PRN_TABLE_QUERY_FAILED');
      expect(await refused('set enable_external_access = true')).toBe('PRN_TABLE_QUERY_FAILED');
      expect(await refused('select 1 as one')).toBe('allowed');
    } finally {
      await tables.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
