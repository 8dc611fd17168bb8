/** `train`: asks an installation for a training, or trains from files alone. */
import { type Command, InvalidArgumentError } from 'commander';
import { isDomainError } from '../../domain/errors.js';
import { parseIso } from '../../domain/time.js';
import type { LocalTraining, LocalTrainingRequest } from '../local/training.js';
import { memberOf } from '../client.js';
import { connect } from '../connection.js';
import { type OutputFormat, print } from '../output.js';
import { apiPath } from '../path.js';
import { outputOption, positiveNumber, usage } from './command.js';
import { PIPELINES } from './models.js';
import { progressLine } from './progress-line.js';
import { trainingNotes, trainingText } from './train-output.js';

const REFUSED = 1;
const NOT_JUDGED = 2;
const WAIT_MS = 24 * 3_600_000;

interface TrainOptions {
  readonly local?: boolean;
  readonly file?: string;
  readonly data?: readonly string[];
  readonly trainer?: string;
  readonly out?: string;
  readonly threads?: number;
  readonly asOf?: string;
  readonly reason?: string;
  readonly wait?: boolean;
  readonly output: OutputFormat;
}

const TRAIN_HELP = `
With --local nothing runs but this command: the code of the pipeline reads the files, validates them, computes and
joins the features, trains, evaluates on the holdout and judges the gates.

  $ perennial train --local -f model.yaml --data flights.parquet --out made
  $ perennial train flight-delay --local -f resources --data flights=flights.parquet --data weather=weather.csv \\
      --trainer lightgbm -o json

--out keeps bundle/, metrics.json, card.md and card.json, plots/, and the artefacts that the card quotes. A gate
against the champion does not apply, for there is none here. Without --as-of, training stands at the first moment at
which all labels in the file are known.

Exit code 0: all gates passed; 1: refused, by a gate or by a rule over the data; 2: nothing could be judged (documents,
files, the training itself), or wrong usage.`;

export function registerTrainCommand(program: Command): void {
  outputOption(
    program
      .command('train [model]')
      .description('ask for a training run, or train from files with --local')
      .option('--local', 'without servers: documents from -f, rows from --data')
      .option('-f, --file <path>', 'with --local: a document file, or a folder of them')
      .option(
        '--data <file>',
        'with --local: rows, FILE or DATASET=FILE, repeatable; else the data folder of the local stack',
        collect,
      )
      .option('--trainer <name>', 'with --local: gbdt, linear, baseline, or the name of a trainer in Python')
      .option('--out <dir>', 'with --local: where bundle, metrics and card go')
      .option('--threads <number>', 'with --local: of the table engine; results do not depend on it', positiveNumber)
      .option('--as-of <time>', 'moment of knowledge, ISO 8601')
      .option('--reason <text>', 'why (asked for on the command line)')
      .option('--wait', 'wait until it waits for approval or has ended'),
  )
    .addHelpText('after', TRAIN_HELP)
    .action((model: string | undefined, options: TrainOptions) =>
      options.local === true ? trainHere(model, options) : trainThere(model, options),
    );
}

async function trainThere(model: string | undefined, options: TrainOptions): Promise<void> {
  const { file, trainer, out, threads, data = [], asOf, reason = 'asked for on the command line', wait } = options;
  if ([file, trainer, out, threads].some((option) => option !== undefined))
    throw usage('-f, --trainer, --out and --threads go with --local.');
  const [folder, another] = data;
  if (model === undefined || another !== undefined)
    throw usage(model === undefined ? 'Name the model, or train from files with --local.' : 'Give --data once.');
  const { api } = connect(folder);
  const started = await api.post(apiPath`/v1/models/${model}/runs`, { reason, ...(asOf !== undefined && { asOf }) });
  if (wait !== true) return print(started, options.output, PIPELINES);
  const reached = await api.poll(
    apiPath`/v1/pipelines/${String(memberOf(started, 'pipelineId'))}`,
    (body) => (['awaiting_approval', 'closed'].includes(String(memberOf(body, 'stage'))) ? body : undefined),
    { timeoutMs: WAIT_MS, everyMs: 500 },
  );
  if (memberOf(reached, 'stage') === 'closed' && memberOf(reached, 'outcome') !== 'promoted')
    process.exitCode = REFUSED;
  print(reached, options.output, PIPELINES);
}

async function trainHere(model: string | undefined, options: TrainOptions): Promise<void> {
  const { file, data = [], wait, reason, trainer, out, threads, output } = options;
  if (file === undefined) throw usage('--local needs the documents: -f FILE, or a folder.');
  if (data.length === 0) throw usage('--local needs rows: --data FILE, or --data DATASET=FILE for each dataset.');
  if (wait !== undefined || reason !== undefined) throw usage('--wait and --reason do not go with --local.');
  const { trainLocally } = await import('../local/training.js');
  const line = progressLine(process.stderr);
  const request: LocalTrainingRequest = {
    documents: file,
    model,
    data: data.map(dataFile),
    trainer,
    asOf: options.asOf === undefined ? undefined : momentOf(options.asOf),
    out,
    threads,
    now: Date.now() * 1_000,
    onProgress: (message, of) => (of === 'stage' ? line.stage(message) : line.detail(message)),
  };
  try {
    const training = await trainLocally(request);
    line.clear();
    for (const note of trainingNotes(training)) console.error(note);
    if (output === 'table') console.log(trainingText(training, out));
    else print(await answerOf(training), output);
    if (training.evaluated.evidence.outcome === 'rejected') process.exitCode = REFUSED;
  } catch (error) {
    line.clear();
    if (!isDomainError(error)) throw error;
    console.error(`${error.code}\n${error.message}`);
    process.exitCode = error.code === 'PRN_DATASET_VALIDATION_FAILED' ? REFUSED : NOT_JUDGED;
  }
}

/** For programs: the numbers, what became of the files, and what was written. */
async function answerOf(training: LocalTraining): Promise<unknown> {
  const { summaryOf } = await import('../local/training-summary.js');
  const { data, warnings, files } = training;
  return { ...summaryOf(training), data, warnings, files };
}

/** Adds an option to those given before it. */
function collect(text: string, earlier: readonly string[] = []): string[] {
  return [...earlier, text];
}

/** `NAME=FILE` where what stands before the sign can be a name; a path may have one too. */
function dataFile(text: string): LocalTrainingRequest['data'][number] {
  const [, dataset, file] = /^([a-z0-9][a-z0-9-]*)=(.+)$/.exec(text) ?? [];
  return dataset === undefined || file === undefined ? { dataset: null, file: text } : { dataset, file };
}

function momentOf(text: string): number {
  try {
    return parseIso(text);
  } catch {
    throw new InvalidArgumentError(`--as-of: expected a time such as 2024-05-01T00:00:00Z, got ${text}.`);
  }
}
