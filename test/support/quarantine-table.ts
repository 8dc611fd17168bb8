import { DuckDBInstance } from '@duckdb/node-api';
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import type { ArtifactStore } from '../../store/contracts/artifacts.js';

export interface AsideRow {
  readonly row: number;
  readonly raw: unknown;
  readonly failed: readonly string[];
}

/** A table of quarantined rows as an ingestion leaves it. */
export async function writeQuarantineTable(artifacts: ArtifactStore, rows: readonly AsideRow[]): Promise<ArtifactRef> {
  const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
  const values = rows.map(
    ({ row, raw, failed }) =>
      `(${row}::bigint, '/data/flights.csv', ${row}::bigint, ${text(JSON.stringify(raw))}, [${failed.map(text).join(', ')}]::varchar[])`,
  );
  const path = await artifacts.scratchPath('parquet');
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(
    `copy (select * from (values ${values.join(', ')}) v(source_row, source_file, file_row, raw, failed_rules)) to '${path}' (format parquet)`,
  );
  connection.closeSync();
  return artifacts.adopt(path, MEDIA_TYPES.parquet);
}
