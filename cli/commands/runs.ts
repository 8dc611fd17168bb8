/** `runs`: what was tried, with which values, and what comes of it right now. */
import type { Command } from 'commander';
import { memberOf } from '../client.js';
import { connect } from '../connection.js';
import { isRow, print, type Row, type Shape } from '../output.js';
import { apiPath } from '../path.js';
import { act, type CommonOptions, positiveNumber, show, withCommonOptions } from './command.js';
import { watchRun } from './runs-watch.js';

const RUNS = {
  columns: {
    RUN: 'runId',
    NAME: 'name',
    STATUS: 'status',
    STARTED: 'startTs',
    ENDED: 'endTs',
    METRICS: 'metrics',
    PARAMETERS: 'params',
  },
};
/** Of one run, in a table. */
const MOST_SHOWN = 6;

export function registerRunCommands(program: Command): void {
  const runs = program.command('runs').description('experiments and runs');
  withCommonOptions(
    runs
      .command('list')
      .description('newest first, unless an order is given')
      .option('--experiment <name>', 'of this experiment; the runs of a model are in the experiment of its name')
      .option('--filter <text>', 'such as "metrics.log_loss < 0.4 AND params.depth = \'6\'"')
      .option('--order-by <field>', 'such as "metrics.log_loss DESC"; may be given several times', collect, [])
      .option('--limit <count>', 'runs of one page', positiveNumber, 50)
      .option('--after <token>', 'what the page before ended with')
      .option('--deleted', 'deleted runs'),
  ).action(
    act(async ({ api }, _words, options) => {
      const found = await api.get(`/v1/runs?${searchQuery(options)}`);
      return options.output === 'table' ? inShort(found) : found;
    }, RUNS),
  );
  withCommonOptions(runs.command('describe <id>').description('one run with everything logged to it')).action(
    show((id = '') => apiPath`/v1/runs/${id}`),
  );
  withCommonOptions(
    runs
      .command('compare <ids...>')
      .description('side by side; only what differs, unless told otherwise')
      .option('--all', 'what is equal too'),
  ).action(async (ids: readonly string[], options: CommonOptions & { readonly all?: boolean }) => {
    const { api } = connect(options.data);
    const compared = await api.get(`/v1/runs:compare?${new URLSearchParams({ ids: ids.join(',') }).toString()}`);
    if (options.output === 'table') print(sideBySide(compared, options.all === true), 'table', columnsOf(ids));
    else print(compared, options.output);
  });
  withCommonOptions(
    runs
      .command('watch <id>')
      .description('metrics as they come, until the run ends; exit code 1 unless it finished')
      .option('--after <number>', 'only points behind this sequence number', positiveNumber),
  ).action(watchRun);
}

function collect(value: string, earlier: readonly string[]): string[] {
  return [...earlier, value];
}

function searchQuery(options: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams({ limit: String(options['limit']) });
  for (const name of ['experiment', 'filter', 'after']) {
    const value = options[name];
    if (typeof value === 'string') query.set(name, value);
  }
  for (const field of listOf(options['orderBy'])) query.append('orderBy', String(field));
  if (options['deleted'] === true) query.set('view', 'deleted');
  return query.toString();
}

/** A page of runs whose pairs are written in one cell each. */
function inShort(page: unknown): unknown {
  const items = listOf(memberOf(page, 'items')).filter(isRow);
  const cell = (value: unknown): string => {
    const pairs = listOf(value).filter(isRow);
    const shown = pairs.slice(0, MOST_SHOWN).map((pair) => `${String(pair['key'])}=${number(pair['value'])}`);
    return [...shown, ...(pairs.length > MOST_SHOWN ? [`and ${pairs.length - MOST_SHOWN} more`] : [])].join(' ');
  };
  const rows = items.map((run) => ({ ...run, metrics: cell(run['metrics']), params: cell(run['params']) }));
  return { items: rows, next: memberOf(page, 'next') };
}

const COMPARED = { params: 'param', metrics: 'metric', tags: 'tag', datasets: 'dataset' } as const;

/** One row for each key, with a cell for each run under its place in the comparison. */
function sideBySide(compared: unknown, all: boolean): { items: Row[] } {
  const header = listOf(memberOf(compared, 'runs')).filter(isRow);
  const facts = ['name', 'status'].map((key) => ({ what: 'run', key, ...cells(header.map((run) => run[key])) }));
  const rows = Object.entries(COMPARED).flatMap(([member, what]) =>
    listOf(memberOf(compared, member))
      .filter(isRow)
      .filter(({ differs }) => all || differs === true)
      .map((row) => ({ what, key: row['key'], ...cells(listOf(row['values'])) })),
  );
  return { items: [...facts, ...rows] };
}

function cells(values: readonly unknown[]): Row {
  return Object.fromEntries(values.map((value, index) => [`run${index}`, value]));
}

function columnsOf(ids: readonly string[]): Shape {
  const runs = ids.map((id, index) => [id.slice(0, 8), `run${index}`]);
  return { columns: { WHAT: 'what', KEY: 'key', ...(Object.fromEntries(runs) as Record<string, string>) } };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function number(value: unknown): string {
  return typeof value === 'number' && !Number.isInteger(value) ? value.toPrecision(5) : String(value);
}
