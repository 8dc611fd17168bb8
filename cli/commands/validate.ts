/** `validate`: a verdict on a file, without servers. */
import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { isDomainError } from '../../domain/errors.js';
import type { ValidationReport } from '../../domain/validation.js';
import type { Verdict } from '../local/validate.js';
import { type OutputFormat, print } from '../output.js';
import type { OutputEnding } from '../output-ending.js';
import { namedFile, type NamedFile, outputFile, outputOption } from './command.js';

const REFUSED = 1;
const UNUSABLE = 2;

interface ValidateOptions {
  readonly dataset: string;
  readonly name?: string;
  readonly data: string;
  readonly previous?: string;
  readonly table?: readonly NamedFile[];
  readonly quarantineOut?: { readonly path: string; readonly ending: OutputEnding };
  readonly profileOut?: string;
  readonly output: OutputFormat;
}

const RULES = {
  columns: {
    RULE: 'name',
    ACTION: 'action',
    VERDICT: 'verdict',
    FAILING: 'failing',
    ROWS: 'rows',
    OBSERVED: 'observed',
    THRESHOLD: 'threshold',
  },
};

const VALIDATE_HELP = `
Rules, types and nulls are judged in one pass over the file, by the code that ingests it.

  $ perennial validate --dataset orders.yaml --data orders.csv
  $ perennial validate --dataset resources --name orders --data orders.csv.gz -o json \\
      --previous orders-last-week.csv --table customers=customers.parquet --quarantine-out bad.csv

Exit code 0: accepted, perhaps with rows set aside; 1: refused, and why; 2: the document or the file cannot be
read, or wrong usage. With -o json the report is on standard output in both of the first cases.`;

export function registerValidateCommand(program: Command): void {
  outputOption(
    program
      .command('validate')
      .description('judge a file by a Dataset document')
      .requiredOption('--dataset <path>', 'the document, or a folder of documents')
      .requiredOption('--data <file>', 'the rows; parquet, csv, tsv, json or ndjson, also .gz or .zst')
      .option('--name <name>', 'which dataset, where the documents have several')
      .option('--previous <file>', 'rows that came before, for rules over changes')
      .option('--table <name=file>', 'rows of another dataset, for rules across datasets; repeatable', namedFile)
      .option(
        '--quarantine-out <file>',
        'where the rows that were set aside go, with raw text, place and failed rules',
        outputFile,
      )
      .option('--profile-out <file>', 'where the profile of the accepted rows goes, as JSON'),
  )
    .addHelpText('after', VALIDATE_HELP)
    .action(validate);
}

async function validate(options: ValidateOptions): Promise<void> {
  const verdict = await judge(options);
  if (verdict === null) return;
  const { report, profile } = verdict;
  if (options.profileOut !== undefined) writeFileSync(options.profileOut, `${JSON.stringify(profile, null, 2)}\n`);
  if (options.output === 'table') show(report);
  else print(report, options.output);
  if (report.outcome === 'refused') process.exitCode = REFUSED;
}

/** Null where document or file cannot be read, which is said here: it is no verdict on the rows. */
async function judge(options: ValidateOptions): Promise<Verdict | null> {
  const { validateFile } = await import('../local/validate.js');
  const { dataset: documents, name, data, previous, table: tables = [], quarantineOut } = options;
  try {
    return await validateFile({ documents, name, data, previous, tables, quarantineOut, now: Date.now() * 1_000 });
  } catch (error) {
    if (!isDomainError(error)) throw error;
    console.error(`${error.code}\n${error.message}`);
    process.exitCode = UNUSABLE;
    return null;
  }
}

function show(report: ValidationReport): void {
  const { outcome, rows, quarantined, rules, failures, warnings } = report;
  const aside = quarantined === 0 ? '' : `, ${quarantined} of them set aside`;
  console.log(`${outcome}: ${rows} rows${aside}`);
  for (const line of [...failures, ...warnings]) console.log(`  ${line}`);
  const broken = rules.filter(({ verdict }) => verdict !== 'passed');
  if (broken.length > 0) print({ items: broken }, 'table', RULES);
  console.log(`${rules.length - broken.length} of ${rules.length} rules passed`);
}
