/** `features historical`: the features of past moments, from files alone; `features online` beside it. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { HistoricalSummary } from '../local/historical.js';
import { type OutputFormat, print } from '../output.js';
import { OUTPUT_ENDINGS, type OutputEnding } from '../output-ending.js';
import { namedFile, type NamedFile, outputFile, outputOption, positiveNumber } from './command.js';
import { registerOnlineFeatures } from './online-features.js';

interface HistoricalOptions {
  readonly resources: string;
  readonly spine: string;
  readonly table: readonly NamedFile[];
  readonly out: { readonly path: string; readonly ending: OutputEnding };
  readonly latestKnowledge?: true;
  readonly features?: readonly string[];
  readonly model?: string;
  readonly fullNames?: true;
  readonly time?: string;
  readonly threads?: number;
  readonly output: OutputFormat;
}

const HISTORICAL_HELP = `
Each row of the spine gets, from every view, the newest feature row of its entity that had happened and was
known at the row's own time. Rows come out as they went in, with the features appended.

  $ perennial features historical --resources resources --spine orders.parquet \\
      --table orders=orders.parquet --table visits=visits-2024.csv.gz --table visits=visits-2025.csv.gz \\
      --out training.parquet

The spine needs a column for each key of the entities, called like the key, and a time: event_ts,
event_timestamp, the one given with --time, or its only column of times. Whole numbers are microseconds since
1970; times without an offset are UTC. Exit code 0: written; 1: refused, and why; 2: wrong usage.`;

export function registerFeatureCommands(program: Command): void {
  const features = program.command('features').description('features as of any time');
  outputOption(
    features
      .command('historical')
      .description('the features of each row of a file, as they were known at its time')
      .requiredOption('--resources <dir>', 'folder with the documents of datasets, entities and views')
      .requiredOption(
        '--spine <file>',
        'the rows that are asked about: entity keys and a time; parquet, csv, tsv, json or ndjson, also .gz or .zst',
      )
      .option(
        '--table <name=file>',
        'rows of a dataset; repeat it for more datasets, or for more commits of one',
        namedFile,
        [],
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
  registerOnlineFeatures(features);
}

async function historical(options: HistoricalOptions): Promise<void> {
  // DuckDB takes longer to load than the whole rest of the command line.
  const { retrieveHistorical } = await import('../local/historical.js');
  const { resources, spine, table: tables, features, model, time: timeColumn, threads, output } = options;
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
  for (const { column, missing, unfit } of spine)
    if (missing + unfit > 0)
      console.error(
        `spine: ${missing} of ${rows} rows have no ${column}, ${unfit} one that does not fit; their features are null.`,
      );
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
