/**
 * Cuts the public flights file into what the story needs: history, the arrivals of each replayed day as they become
 * known, and a fixed sample of departures to ask about. The file comes from the `vega-datasets` package.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { addMicros, type Micros, MICROS_PER_DAY, MICROS_PER_HOUR, parseIso, toIso } from '../../domain/time.js';

export const REPLAY_FROM = parseIso('2001-03-01T06:00:00Z');
export const REPLAY_DAYS = 92;
const PER_DAY = 400;
/** Outcomes are known twelve hours after departure. */
const KNOWN_AFTER = 12 * MICROS_PER_HOUR;

/** A departure the model is asked about, and how it turned out. */
export interface Departure {
  readonly departedTs: number;
  readonly distance: number;
  readonly origin: string;
  readonly destination: string;
  readonly late: 0 | 1;
}

/** One replayed day, from 06:00 to 06:00. */
export interface ReplayDay {
  readonly index: number;
  readonly from: Micros;
  readonly to: Micros;
  /** Parquet file with the arrivals that become known during this day. */
  readonly arrivals: string;
}

export interface FlightData {
  readonly history: string;
  readonly days: readonly ReplayDay[];
  departures(day: ReplayDay): Promise<Departure[]>;
  close(): void;
}

/** Found beside the package's entry, whose own folder is `build/`. */
function flightsFile(): string {
  return fileURLToPath(new URL('../data/flights-3m.parquet', import.meta.resolve('vega-datasets')));
}

export async function prepareFlights(folder: string): Promise<FlightData> {
  mkdirSync(folder, { recursive: true });
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '1GB' });
  const connection = await instance.connect();
  await connection.run(
    `create table flights as select * from read_parquet('${quote(flightsFile())}') where date < timestamp '2001-07-01'`,
  );
  const history = join(folder, 'history-2001-01-to-02.parquet');
  await writeOnce(connection, history, { from: parseIso('2001-01-01'), to: parseIso('2001-03-01') });
  const days: ReplayDay[] = [];
  let arrivedThrough = parseIso('2001-03-01');
  for (let index = 0; index < REPLAY_DAYS; index += 1) {
    const from = addMicros(REPLAY_FROM, index * MICROS_PER_DAY);
    const to = addMicros(from, MICROS_PER_DAY);
    const known = addMicros(to, -KNOWN_AFTER);
    const arrivals = join(folder, `arrivals-${toIso(from).slice(0, 10)}.parquet`);
    await writeOnce(connection, arrivals, { from: arrivedThrough, to: known });
    days.push({ index, from, to, arrivals });
    arrivedThrough = known;
  }
  return { history, days, departures: (day) => sampleDepartures(connection, day), close: () => connection.closeSync() };
}

async function writeOnce(
  connection: DuckDBConnection,
  file: string,
  { from, to }: { from: Micros; to: Micros },
): Promise<void> {
  if (existsSync(file)) return;
  const where = `date >= make_timestamp(${from}) and date < make_timestamp(${to})`;
  await connection.run(
    `copy (select * from flights where ${where} order by date, origin, destination, delay, distance) to '${quote(file)}' (format parquet)`,
  );
}

/** The same departures on every run: ordered by a digest of the row, not by chance. */
async function sampleDepartures(connection: DuckDBConnection, { from, to }: ReplayDay): Promise<Departure[]> {
  const reader = await connection.runAndReadAll(`
    select epoch_us(date)::double as departed_ts, distance::double as distance, origin, destination, (delay > 15)::int as late
    from (
      select *, row_number() over (order by md5(concat_ws('|', date, origin, destination, delay, distance))) as position
      from flights
      where date >= make_timestamp(${from}) and date < make_timestamp(${to}) and delay >= -120
    )
    where position <= ${PER_DAY}
    order by date, origin, destination, distance`);
  return reader.getRowObjectsJson().map((row) => ({
    departedTs: Number(row['departed_ts']),
    distance: Number(row['distance']),
    origin: text(row['origin']),
    destination: text(row['destination']),
    late: Number(row['late']) === 1 ? 1 : 0,
  }));
}

function quote(path: string): string {
  return path.replaceAll("'", "''");
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
