/** `ci`: one command for CI systems, from the documents of a change to its verdict. */
import { writeFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { Duration, durationMs } from '../../domain/duration.js';
import { CodeRevision } from '../../domain/retraining.js';
import { parseIso, toIso } from '../../domain/time.js';
import { renderJunit } from '../ci/junit.js';
import { renderMarkdown } from '../ci/markdown.js';
import type { CiOutcome, CiReport } from '../ci/report.js';
import { runCi } from '../ci/run.js';
import { reportText } from '../ci/text.js';
import { StoppedWaiting } from '../ci/follow.js';
import { ApiError } from '../client.js';
import { connect } from '../connection.js';
import { readResources } from '../documents.js';
import { print } from '../output.js';
import { type CommonOptions, namedFile, type NamedFile, usage, withCommonOptions } from './command.js';
import { progressLine } from './progress-line.js';

const EXIT_CODES = { passed: 0, started: 0, skipped: 0, refused: 1, undecided: 2 } as const satisfies Record<
  CiOutcome,
  number
>;
/** As shells call a process that ended by SIGINT, and by SIGTERM. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
const USUAL_TIMEOUT_MS = durationMs('2h');
const EVERY_MS = 500;
const AWAY_MS = 60_000;

interface CiOptions extends CommonOptions {
  readonly file: string;
  readonly codeRevision: CodeRevision;
  readonly table?: readonly NamedFile[];
  readonly asOf?: string;
  readonly wait?: boolean;
  /** Milliseconds. */
  readonly timeout?: number;
  readonly junit?: string;
  readonly report?: string;
}

const CI_HELP = `
Applies the documents; reads, validates and commits the datasets that declare a source or are given rows; brings the
feature views up; and trains the models that list \`code\` in retraining.on. The same revision again finds the same
pipelines: nothing is trained twice, unless a training failed before it could be judged.

  $ perennial ci -f resources --code-revision "$GITHUB_SHA" --wait --junit ci.xml --report ci.md

Exit code 0: everything passed, and candidates are registered; 1: refused, by a rule over data, a gate or a staging
check, and why; 2: nothing could be decided (an error, the timeout, no connection for a minute), or wrong usage.
After Ctrl-C (130) trainings go on, and the same command finds them again.`;

export function registerCiCommand(program: Command): void {
  withCommonOptions(
    program
      .command('ci')
      .description('apply, validate data, train, evaluate and gate for a change of the code')
      .requiredOption('-f, --file <path>', 'documents: a file, or a folder of them')
      .requiredOption('--code-revision <revision>', 'the commit; kept on pipeline, run and version', codeRevision)
      .option('--table <name=file>', 'rows to read into a dataset before; repeatable', namedFile)
      .option('--as-of <time>', 'moment of knowledge, ISO 8601; now, where it is left out', moment)
      .option('--wait', 'follow trainings to their verdict; without it their pipelines are printed')
      .option('--timeout <duration>', 'of all waiting, such as 30m; 2h, where it is left out', duration)
      .option('--junit <file>', 'with --wait: where the verdicts go as JUnit XML')
      .option('--report <file>', 'with --wait: where the report goes as Markdown'),
  )
    .addHelpText('after', CI_HELP)
    .action(ci);
}

async function ci(options: CiOptions): Promise<void> {
  const { file, wait = false, junit, report: markdown, table: tables = [], output } = options;
  if (!wait && (junit !== undefined || markdown !== undefined)) throw usage('--junit and --report go with --wait.');
  const stop = new AbortController();
  let stoppedBy: keyof typeof SIGNALS | null = null;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      stoppedBy = signal;
      stop.abort();
    });
  const line = progressLine(process.stderr);
  try {
    const report = await runCi(
      {
        api: connect(options.data).api,
        codeRevision: options.codeRevision,
        asOf: options.asOf,
        patience: {
          deadlineMs: Date.now() + (options.timeout ?? USUAL_TIMEOUT_MS),
          everyMs: EVERY_MS,
          awayMs: AWAY_MS,
          signal: stop.signal,
        },
        stage: (message) => line.stage(message),
      },
      { documents: readResources(file, (path) => tables.some((given) => given.file === path)), tables, wait },
    );
    process.exitCode = stoppedBy === null ? EXIT_CODES[report.outcome] : SIGNALS[stoppedBy];
    if (junit !== undefined) keep(junit, renderJunit(report));
    if (markdown !== undefined) keep(markdown, renderMarkdown(report));
    tell(report, output);
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

function tell(report: CiReport, output: CommonOptions['output']): void {
  if (output === 'table') console.log(reportText(report));
  else print(report, output);
}

/** Nothing was decided; whatever is no error of the installation is thrown on. */
function exitCodeOf(error: unknown): number {
  if (error instanceof StoppedWaiting) console.error(error.message);
  else if (error instanceof ApiError) console.error(`${error.code}\n${error.message}`);
  else throw error;
  return EXIT_CODES.undecided;
}

function keep(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    console.error(`${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode ||= EXIT_CODES.undecided;
  }
}

function codeRevision(text: string): CodeRevision {
  const read = CodeRevision.safeParse(text);
  if (read.success) return read.data;
  throw new InvalidArgumentError(`${read.error.issues[0]?.message ?? 'Not a revision'}, got "${text}".`);
}

function duration(text: string): number {
  if (Duration.safeParse(text).success) return durationMs(text);
  throw new InvalidArgumentError(`Expected a duration such as 90s, 30m or 2h, got ${text}.`);
}

function moment(text: string): string {
  try {
    return toIso(parseIso(text));
  } catch {
    throw new InvalidArgumentError(`Expected a time such as 2024-05-01T00:00:00Z, got ${text}.`);
  }
}
