/** `features online`: the features of entities as serving would read them, now or as of a time. */
import type { Command } from 'commander';
import type { OnlineFeaturesAnswer } from '../../domain/online-features.js';
import { ApiError } from '../client.js';
import { print, type Row } from '../output.js';
import { connect } from '../connection.js';
import { type CommonOptions, readJsonOption, requireServing, withCommonOptions } from './command.js';

const HELP = `
  $ perennial features online origin-traffic,weather:wind --entities '{"origin": ["ORD", "SEA"]}'
  $ perennial features online --model flight-delay --entities '{"origin": ["ORD"]}' --request '{"distance": [733]}'

A feature without a value shows why: NULL_VALUE, NOT_FOUND or OUTSIDE_MAX_AGE.`;

export function registerOnlineFeatures(features: Command): void {
  withCommonOptions(
    features
      .command('online [features]')
      .description('features of entities now, or as of a time; views, or view:feature, separated by commas')
      .option('--model <name>', 'in place of features: what a version reads, as NAME or NAME/VERSION')
      .option('--entities <json>', 'entity key to a list of values, JSON or @FILE', '{}')
      .option('--request <json>', 'request field to a list of values, JSON or @FILE', '{}')
      .option('--as-of <time>', 'ISO 8601: what was known then')
      .option('--full-names', 'call features view__feature'),
  )
    .addHelpText('after', HELP)
    .action(readOnline);
}

interface OnlineOptions extends CommonOptions {
  readonly model?: string;
  readonly entities: string;
  readonly request: string;
  readonly asOf?: string;
  readonly fullNames?: true;
}

async function readOnline(list: string | undefined, options: OnlineOptions): Promise<void> {
  const { model, asOf, fullNames, output } = options;
  const entities = readJsonOption('--entities', options.entities);
  const sent = {
    ...wanted(list, model),
    entities,
    request: readJsonOption('--request', options.request),
    ...(asOf !== undefined && { asOf }),
    fullNames: fullNames === true,
  };
  const answer = await requireServing(connect(options.data)).post('/v1/features/online', sent);
  if (output !== 'table') return print(answer, output);
  const items = tableOf(answer as OnlineFeaturesAnswer, entities);
  const columns = Object.keys(items[0] ?? {}).map((name) => [name, name] as const);
  print({ items }, 'table', { columns: Object.fromEntries(columns) });
}

function wanted(list: string | undefined, model: string | undefined): Record<string, unknown> {
  if ((list === undefined) === (model === undefined))
    throw new ApiError(0, 'PRN_REQUEST_INVALID', 'Give either features, such as origin-traffic, or --model.');
  if (list !== undefined) return { features: list.split(',').map((item) => item.trim()) };
  const [name, version] = (model ?? '').split('/');
  return { featureService: { model: name, ...(version !== undefined && { version: Number(version) }) } };
}

/** A row for each entity: its keys, then its features with all their digits. */
function tableOf({ rows, features }: OnlineFeaturesAnswer, entities: unknown): Row[] {
  const keys = Object.entries(entities as Record<string, unknown[]>);
  return Array.from({ length: rows }, (_unused, row) =>
    Object.fromEntries([
      ...keys.map(([name, values]) => [name, values[row]]),
      ...features.map(({ name, values, statuses }) => [name, String(values[row] ?? statuses[row])]),
    ]),
  );
}
