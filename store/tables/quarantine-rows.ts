/** Quarantined rows by page, read from their Parquet table. */
import type { ArtifactStore } from '../contracts/artifacts.js';
import type { QuarantineRows } from '../contracts/quarantine.js';
import type { TableEngine } from '../contracts/tables.js';

/** `open` is asked for every page. */
export function quarantineRows(
  open: () => Promise<TableEngine>,
  artifacts: Pick<ArtifactStore, 'localPath'>,
): QuarantineRows {
  return {
    async page(table, { after, limit }) {
      const path = (await artifacts.localPath(table)).replaceAll("'", "''");
      // Lists come as JSON text: the engine gives plain values only.
      const sql = `select source_row, source_file, file_row, raw, to_json(failed_rules)::varchar as failed from read_parquet('${path}') where source_row > ${Math.trunc(after)} order by source_row limit ${Math.trunc(limit)}`;
      const tables = await open();
      const found = await tables.use((session) => session.rows(sql));
      return found.map(({ source_row, source_file, file_row, raw, failed }) => ({
        sourceRow: Number(source_row),
        sourceFile: String(source_file),
        fileRow: Number(file_row),
        raw: String(raw),
        failedRules: JSON.parse(String(failed)) as string[],
      }));
    },
  };
}
