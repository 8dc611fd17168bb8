/** `npm run bench -- CASE [--json FILE] [--data DIR]`: measures, prints, and never fails a build for a slow figure. */
import { parseArgs } from 'node:util';
import { evaluate } from './evaluate.js';
import { inference } from './inference.js';
import { ingest } from './ingest.js';
import { materialize } from './materialize.js';
import { onlineFeatures } from './online-features.js';
import { pipeline } from './pipeline.js';
import { pitJoin } from './pit-join.js';
import { type BenchmarkOptions, type BenchmarkReport, publish } from './report.js';
import { train } from './train.js';
import { runsSearch } from './runs-search.js';

interface BenchmarkCase {
  readonly run: (options: BenchmarkOptions) => Promise<BenchmarkReport>;
  readonly help: string;
}

const CASES: Readonly<Record<string, BenchmarkCase>> = {
  evaluate: {
    run: evaluate,
    help: 'all metrics of a binary model with intervals, a thousand resamples of a million rows',
  },
  inference: { run: inference, help: 'our serving process next to a bare server with the same graph' },
  ingest: {
    run: ingest,
    help:
      'CSV files validated, profiled and written as Parquet, next to a bare DuckDB copy. --data: every *.parquet with a ' +
      'column of times, each turned into CSV first',
  },
  materialize: {
    run: materialize,
    help:
      'chunks of windowed features next to a bare aggregate, and their publication next to a bare insert. --data: ' +
      'events.parquet (key text, ts microseconds, x number, flag boolean)',
  },
  'online-features': {
    run: onlineFeatures,
    help:
      'online features over HTTP, next to a bare server with a constant body. --data: features.parquet with a column ' +
      'entity_id (integer) and up to 50 numeric columns, one row for each entity. --seconds: of the 1 x 50 part, 200',
  },
  pipeline: { run: pipeline, help: 'what orchestration adds to a training pipeline' },
  'pit-join': {
    run: pitJoin,
    help:
      'a million questions about ten million feature rows, next to a bare de-duplicated ASOF. --data: ' +
      'spine-10000.parquet and spine-100000.parquet (row_id, airport, ts), rows-10000.parquet and rows-100000.parquet ' +
      '(airport, event_ts, known_ts, seq, deleted, f0, f1, f2, f3, f4)',
  },
  train: {
    run: train,
    help:
      'built-in gradient boosting next to LightGBM, 200 trees on two threads. --data: every *.parquet with a column ' +
      'label (0 or 1) and numbers',
  },
  'runs-search': { run: runsSearch, help: 'pages of runs out of fifty thousand, by many filters and orders' },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    data: { type: 'string' },
    seconds: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const [name = ''] = positionals;
const found = CASES[name];
if (values.help) {
  for (const [each, { help }] of Object.entries(CASES)) console.log(`${each.padEnd(16)} ${help}`);
} else if (found === undefined) {
  console.error(`There is no benchmark ${JSON.stringify(name)}. There are ${Object.keys(CASES).join(', ')}.`);
  process.exitCode = 2;
} else {
  const seconds = values.seconds === undefined ? null : Number(values.seconds);
  publish(await found.run({ data: values.data ?? null, seconds }), values.json ?? null);
}
