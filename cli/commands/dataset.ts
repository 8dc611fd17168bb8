/** `dataset infer`. */
import type { Command } from 'commander';
import { Option } from 'commander';

interface InferOptions {
  readonly name?: string;
  readonly eventTime?: string;
  readonly withRanges?: true;
  readonly output: 'yaml' | 'json';
}

const INFER_HELP = `
Types come from all rows, not the first few; digits with leading zeros stay text. What was guessed is marked
"review" in the comments. The draft can be used as it is:

  $ perennial dataset infer orders.csv > resources/orders.yaml
  $ perennial validate --dataset resources/orders.yaml --data orders.csv
  $ perennial apply -f resources`;

export function registerDatasetCommands(program: Command): void {
  program
    .command('dataset')
    .description('drafts of datasets')
    .command('infer <file>')
    .description('draft a Dataset from a file: parquet, csv, tsv, json or ndjson, also .gz or .zst')
    .option('--name <name>', 'name of the dataset; made of the name of the file without it')
    .option('--event-time <column>', 'column that says when a row happened')
    .option('--with-ranges', 'also expect numbers between the least and the greatest of the file')
    .addOption(
      new Option('-o, --output <format>', 'yaml (with comments) or json').choices(['yaml', 'json']).default('yaml'),
    )
    .addHelpText('after', INFER_HELP)
    .action(infer);
}

async function infer(file: string, { name, eventTime, withRanges, output }: InferOptions): Promise<void> {
  const { inferDataset } = await import('../local/infer.js');
  const { document, yaml } = await inferDataset({ file, name, eventTime, ranges: withRanges === true });
  process.stdout.write(output === 'json' ? `${JSON.stringify(document, null, 2)}\n` : yaml);
}
