/** `features historical`: the features of past moments, from files alone, or from what the installation has. */
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { HistoricalSummary } from '../local/historical.js';
import { connect } from '../connection.js';
import { print } from '../output.js';
import { LEAK_WARNING } from '../leak-warning.js';
import { remoteService, remoteSpine, retrieveByApi } from '../retrieval.js';
import { OUTPUT_ENDINGS, type OutputEnding } from '../output-ending.js';
import {
  type CommonOptions,
  namedFile,
  type NamedFile,
  outputFile,
  positiveNumber,
  usage,
  withCommonOptions,
} from './command.js';

interface HistoricalOptions extends CommonOptions {
  readonly resources?: string;
  readonly spine: string;
  readonly table?: readonly NamedFile[];
  readonly out: { readonly path: string; readonly ending: OutputEnding };
  readonly latestKnowledge?: true;
  readonly features?: readonly string[];
  readonly model?: string;
  readonly fullNames?: true;
  readonly time?: string;
  readonly threads?: number;
}

const RETRIEVAL = {
  columns: {
    RETRIEVAL: 'retrievalId',
    STATE: 'state',
    ROWS: 'result.rows',
    KNOWLEDGE: 'knowledge',
    LEAKS: 'leaks',
    RESULT: 'result.resultId',
  },
};

const HISTORICAL_HELP = `
Each row of the spine gets, from every view, the newest feature row of its entity that had happened and was
known at the row's own time. Rows come out as they went in, with the features appended.

  $ perennial features historical --resources resources --spine orders.parquet \\
      --table orders=orders.parquet --table visits=visits-2024.csv.gz --table visits=visits-2025.csv.gz \\
      --out training.parquet

Without --resources the installation answers, from the datasets and views that it has; --spine is then
dataset:NAME, an address, or a file that its worker may read:

  $ perennial features historical --spine dataset:flights --model flight-delay --out training.parquet

The spine needs a column for each key of the entities, called like the key, and a time: event_ts,
event_timestamp, the one given with --time, or its only column of times. Whole numbers are microseconds since
1970; times without an offset are UTC. Exit code 0: written; 1: refused, and why; 2: wrong usage.`;

export function registerHistoricalFeatures(features: Command): void {
  withCommonOptions(
    features
      .command('historical')
      .description('the features of each row of a file, as they were known at its time')
      .option(
        '--resources <dir>',
        'folder with the documents of datasets, entities and views; the installation without it',
      )
      .requiredOption(
        '--spine <file>',
        'the rows that are asked about: entity keys and a time; parquet, csv, tsv, json or ndjson, also .gz or .zst',
      )
      .option(
        '--table <name=file>',
        'rows of a dataset; repeat it for more datasets, or for more commits of one',
        namedFile,
      )
      .requiredOption('--out <file>', `where the answer goes: *.${OUTPUT_ENDINGS.join(', *.')}`, outputFile)
      .option(
        '--features <list>',
        'views, or view:feature, separated by commas; every view of the tables without it',
        splitList,
      )
      .addOption(
        new Option(
          '--model <name>',
          'the features that a model reads, under its names; computed ones included',
        ).conflicts(['features', 'fullNames']),
      )
      .option('--full-names', 'call features view__feature')
      .option('--time <column>', 'column of the spine with the time of the question')
      .option('--latest-knowledge', 'also use what became known only later; leaks, and says so')
      .addOption(new Option('--threads <n>', 'threads to use; all by default').argParser(positiveNumber)),
  )
    .addHelpText('after', HISTORICAL_HELP)
    .action(historical);
}

function historical(options: HistoricalOptions): Promise<void> {
  const { resources } = options;
  return resources === undefined ? fromInstallation(options) : fromFiles(resources, options);
}

async function fromInstallation(options: HistoricalOptions): Promise<void> {
  const { spine, table, features, model, time, out, threads } = options;
  if (table !== undefined || threads !== undefined)
    throw usage('--table and --threads go with --resources: without it the installation has the rows.');
  if (features === undefined && model === undefined)
    throw usage('Without --resources, say which: --features or --model.');
  const isAddress = /^[a-z][a-z0-9+.-]+:/i.test(spine);
  const knowledge = options.latestKnowledge === true ? 'latest' : 'as-known';
  const request = {
    spine: remoteSpine(isAddress ? spine : resolve(spine)),
    ...(time !== undefined && { timeColumn: time }),
    ...(features !== undefined && { features }),
    ...(model !== undefined && { featureService: remoteService(model) }),
    fullNames: options.fullNames === true,
    knowledge,
  } as const;
  const parquet = out.ending === 'parquet' ? out.path : `${out.path}.${process.pid}.parquet`;
  const retrieval = await retrieveByApi(connect(options.data).api, request, parquet);
  if (parquet !== out.path) await convert(parquet, out);
  if (knowledge === 'latest') console.error(LEAK_WARNING);
  print(retrieval, options.output, RETRIEVAL);
}

/** The installation keeps answers as Parquet. */
async function convert(parquet: string, out: HistoricalOptions['out']): Promise<void> {
  try {
    const { convertTable } = await import('../local/convert.js');
    await convertTable(parquet, out);
  } finally {
    rmSync(parquet, { force: true });
  }
}

async function fromFiles(resources: string, options: HistoricalOptions): Promise<void> {
  // DuckDB takes longer to load than the whole rest of the command line.
  const { retrieveHistorical } = await import('../local/historical.js');
  const { spine, table: tables = [], features, model, time: timeColumn, threads, output } = options;
  const summary = await retrieveHistorical({
    resources,
    spine,
    tables,
    out: options.out,
    features,
    model,
    timeColumn,
    threads,
    fullNames: options.fullNames === true,
    knowledge: options.latestKnowledge === true ? 'latest' : 'as-known',
    now: Date.now() * 1_000,
  });
  tell(summary);
  if (output === 'table') console.log(render(summary));
  else print(summary, output);
}

/** What a person must read, apart from what a program reads. */
function tell({ tables, spine, rows, warnings }: HistoricalSummary): void {
  for (const { dataset, file, accepted, quarantined, problems } of tables) {
    if (quarantined > 0)
      console.error(`${dataset}: ${quarantined} of ${accepted + quarantined} rows of ${file} were quarantined.`);
    for (const problem of problems) console.error(`  ${problem}`);
  }
  for (const { column, missing, unfit } of spine) {
    const counts = [missing > 0 ? `is missing in ${missing}` : '', unfit > 0 ? `does not fit in ${unfit}` : ''];
    const said = counts.filter((text) => text !== '').join(' and ');
    if (said !== '') console.error(`spine: ${column} ${said} of ${rows} rows, whose features are null.`);
  }
  for (const warning of warnings) console.error(warning);
}

function render({ rows, features, output, knowledge }: HistoricalSummary): string {
  const width = Math.max(...features.map(({ name }) => name.length));
  const lines = features.map(
    ({ name, view, nulls }) =>
      `  ${name.padEnd(width)}  ${rows - nulls} of ${rows} rows have a value  (${view ?? 'computed'})`,
  );
  const leak = knowledge === 'latest' ? ', with latest knowledge, which leaks' : '';
  return [
    `${rows} rows written to ${output.path} (${output.bytes} bytes, sha256 ${output.sha256})${leak}`,
    ...lines,
  ].join('\n');
}

function splitList(text: string): string[] {
  const items = text.split(',').map((item) => item.trim());
  if (items.includes('')) throw new InvalidArgumentError('Expected names separated by commas.');
  return items;
}
