/** What all commands that talk to the API share: options, connection, output. */
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { type ApiClient, ApiError } from '../client.js';
import { type CliConnection, connect } from '../connection.js';
import { type OutputFormat, print, type Shape } from '../output.js';
import { outputEnding, OUTPUT_ENDINGS, type OutputEnding } from '../output-ending.js';

export interface CommonOptions {
  readonly data?: string;
  readonly output: OutputFormat;
}

/** Adds `--data` and `-o`. */
export function withCommonOptions(command: Command): Command {
  return outputOption(command.option('--data <dir>', 'data folder of the local stack'));
}

/** Adds `-o`. */
export function outputOption(command: Command): Command {
  return command.option(
    '-o, --output <format>',
    'table, json or yaml',
    (value: string): OutputFormat => {
      if (value === 'table' || value === 'json' || value === 'yaml') return value;
      throw new InvalidArgumentError(`There is no output format ${value}; use table, json or yaml.`);
    },
    'table',
  );
}

/** Reads a word or option as a whole number from 0. Throws a usage error. */
export function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError(`Expected a whole number, got ${text}.`);
}

/** Reads an option as a whole number from 1. Throws a usage error. */
export function positiveNumber(text: string): number {
  const number = wholeNumber(text);
  if (number > 0) return number;
  throw new InvalidArgumentError('Expected at least 1.');
}

/** `NAME=FILE`, a file with rows of a dataset. */
export interface NamedFile {
  readonly dataset: string;
  readonly file: string;
}

/** Adds an option `NAME=FILE` to those given before it. Throws a usage error. */
export function namedFile(text: string, earlier: readonly NamedFile[] = []): NamedFile[] {
  const [dataset = '', ...rest] = text.split('=');
  const file = rest.join('=');
  if (dataset !== '' && file !== '') return [...earlier, { dataset, file }];
  throw new InvalidArgumentError('Expected NAME=FILE, such as orders=orders.parquet.');
}

/** Reads an option as a file to write, whose ending tells the format. Throws a usage error. */
export function outputFile(path: string): { path: string; ending: OutputEnding } {
  const ending = outputEnding(path);
  if (ending !== undefined) return { path, ending };
  throw new InvalidArgumentError(`Its name tells the format: *.${OUTPUT_ENDINGS.join(', *.')}.`);
}

/** What a command throws for options that do not go together. */
export function usage(problem: string): InvalidArgumentError {
  return new InvalidArgumentError(problem);
}

/** JSON of an option, or of the file that `@FILE` names. Throws `PRN_REQUEST_INVALID`. */
export function readJsonOption(option: string, text: string): unknown {
  try {
    return JSON.parse(text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new ApiError(0, 'PRN_REQUEST_INVALID', `${option} takes JSON or @FILE: ${problem}.`);
  }
}

/** The serving process. Throws `PRN_STACK_NOT_RUNNING` where its address is not known. */
export function requireServing({ serving }: Pick<CliConnection, 'serving'>): ApiClient {
  if (serving !== null) return serving;
  throw new ApiError(0, 'PRN_STACK_NOT_RUNNING', 'No serving address is known. Set PERENNIAL_SERVING_URL.');
}

/** A command that reads one path of the API and prints it. */
export function show(path: (...args: readonly string[]) => string, shape?: Shape) {
  return async (...args: unknown[]): Promise<void> => {
    const { options, words } = split(args);
    print(await connect(options.data).api.get(path(...words)), options.output, shape);
  };
}

/** A command that does something and prints the answer. */
export function act(
  work: (
    connection: CliConnection,
    words: readonly string[],
    options: CommonOptions & Record<string, unknown>,
  ) => Promise<unknown>,
  shape?: Shape,
) {
  return async (...args: unknown[]): Promise<void> => {
    const { options, words } = split(args);
    print(await work(connect(options.data), words, options), options.output, shape);
  };
}

/** Commander passes the words, then the options, then the command itself. */
function split(args: readonly unknown[]): { options: CommonOptions & Record<string, unknown>; words: string[] } {
  const options = args.at(-2) as CommonOptions & Record<string, unknown>;
  const words = args
    .slice(0, -2)
    .flatMap((word) => (typeof word === 'string' || typeof word === 'number' ? [String(word)] : []));
  return { options, words };
}
