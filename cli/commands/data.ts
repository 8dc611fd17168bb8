/** `ingest`, `materialize`, `predict`. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { parseIso, toIso } from '../../domain/time.js';
import { type ApiClient, memberOf } from '../client.js';
import { isRow, type Row } from '../output.js';
import { apiPath } from '../path.js';
import { upload } from '../upload.js';
import { act, readJsonOption, requireServing, usage, withCommonOptions } from './command.js';

const INGESTION = {
  columns: {
    INGESTION: 'ingestionId',
    STATE: 'state',
    ACCEPTED: 'accepted',
    QUARANTINED: 'quarantined',
    WARNINGS: 'warnings',
    ERROR: 'error.message',
  },
};

const PREDICTIONS = {
  columns: {
    PROBABILITY: 'probability',
    VALUE: 'prediction',
    CLASS: 'class',
    PROBABILITIES: 'probabilities',
    DECISION: 'decision',
    VERSION: 'model_version',
    PREDICTION: 'prediction_id',
  },
  optional: ['PROBABILITY', 'VALUE', 'CLASS', 'PROBABILITIES', 'DECISION'],
};

export function registerDataCommands(program: Command): void {
  withCommonOptions(
    program
      .command('ingest <dataset>')
      .description('ingest a file into a dataset')
      .option('--source <path>', 'file on the machine of the worker, an address that it may read, or upload:ID')
      .option('--file <path>', 'file on this machine: it is sent through the API')
      .option('--wait', 'wait for the outcome'),
  ).action(
    act(async ({ api }, [dataset = ''], { source, file, wait }) => {
      if (source !== undefined && file !== undefined) throw usage('Give --source or --file, not both.');
      const sent = typeof file === 'string' ? (await upload(api, dataset, file)).source : undefined;
      const from = typeof source === 'string' ? sourceUri(source) : sent;
      const started = await api.post(apiPath`/v1/datasets/${dataset}/ingestions`, { source: from });
      if (wait !== true) return started;
      const ended = await api.poll(
        apiPath`/v1/ingestions/${idOf(started, 'ingestionId')}`,
        (body) => (memberOf(body, 'state') === 'running' ? undefined : body),
        { timeoutMs: 3_600_000 },
      );
      if (Number(memberOf(ended, 'quarantined')) > 0)
        console.error(`Quarantined rows wait for a decision: perennial quarantine list ${dataset}`);
      if (memberOf(ended, 'state') === 'failed' || memberOf(ended, 'state') === 'refused') process.exitCode = 1;
      return ended;
    }, INGESTION),
  );
  withCommonOptions(
    program
      .command('materialize <view>')
      .description('compute missing rows of a feature view')
      .option('--through <time>', 'last cut, ISO 8601; now, where it is left out')
      .option('--wait', 'wait until the rows are online'),
  ).action(
    act(async ({ api }, [view = ''], { through, wait }) => {
      const body = typeof through === 'string' ? { through: toIso(parseIso(through)) } : {};
      const started = await api.post(apiPath`/v1/feature-views/${view}/materializations`, body);
      if (wait !== true) return started;
      const run = await api.poll(
        apiPath`/v1/feature-views/${view}/materializations/${idOf(started, 'materializationId')}`,
        (body) => (memberOf(body, 'state') === 'running' ? undefined : body),
        { timeoutMs: 3_600_000 },
      );
      if (memberOf(run, 'state') === 'completed') return api.get(apiPath`/v1/feature-views/${view}/materialization`);
      process.exitCode = 1;
      return run;
    }),
  );
  withCommonOptions(
    program
      .command('predict <endpoint>')
      .description('ask an endpoint; fields as JSON, one object or several')
      .requiredOption('--input <json>', 'JSON, or @FILE'),
  ).action(
    act(async (connection, [endpoint = ''], { input, output }) => {
      const answer = await predict(requireServing(connection), apiPath`/v2/models/${endpoint}`, String(input));
      return output === 'table' ? { items: rowsOf(answer) } : answer;
    }, PREDICTIONS),
  );
}

async function predict(serving: ApiClient, path: string, input: string): Promise<unknown> {
  const document = readJsonOption('--input', input);
  const rows = (Array.isArray(document) ? document : [document]).filter(isRow);
  const declared = memberOf(await serving.get(path), 'inputs') as { name: string; datatype: string }[];
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const inputs = names.map((name) => {
    const datatype = declared.find((each) => each.name === name)?.datatype ?? 'FP32';
    return { name, datatype, shape: [rows.length], data: rows.map((row) => wireValue(row[name], datatype)) };
  });
  return serving.post(`${path}/infer`, { inputs });
}

/** Output tensors side by side, a row each. */
function rowsOf(answer: unknown): Row[] {
  const outputs = memberOf(answer, 'outputs') as { name: string; shape: number[]; data: unknown[] }[];
  const rows = outputs[0]?.shape[0] ?? 0;
  return Array.from({ length: rows }, (_unused, row) =>
    Object.fromEntries(
      outputs.map(({ name, shape, data }) => {
        const [, width = 1] = shape;
        return [name, width === 1 ? data[row] : data.slice(row * width, (row + 1) * width)];
      }),
    ),
  );
}

/** Times may be written as people write them. */
function wireValue(value: unknown, datatype: string): unknown {
  return datatype === 'INT64' && typeof value === 'string' ? parseIso(value) : (value ?? null);
}

/** A path is made absolute, since the worker runs elsewhere; an address stays as it is. */
function sourceUri(source: string): string {
  return /^[a-z][a-z0-9+.-]*:/i.test(source) ? source : resolve(source);
}

function idOf(body: unknown, member: string): string {
  return String(memberOf(body, member));
}
