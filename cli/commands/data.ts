/** `ingest`, `materialize`, `quarantine`, `predict`. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { parseIso, toIso } from '../../domain/time.js';
import { ApiError } from '../client.js';
import { act, show, withCommonOptions } from './command.js';

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

export function registerDataCommands(program: Command): void {
  withCommonOptions(
    program
      .command('ingest <dataset>')
      .description('ingest a file into a dataset')
      .requiredOption('--source <path>', 'file on the machine of the worker')
      .option('--wait', 'wait for the outcome'),
  ).action(
    act(async ({ api }, [dataset = ''], { source, wait }) => {
      const started = await api.post(`/v1/datasets/${dataset}/ingestions`, { source: resolve(String(source)) });
      if (wait !== true) return started;
      const ended = await api.poll(
        `/v1/ingestions/${idOf(started, 'ingestionId')}`,
        (body) => (memberOf(body, 'state') === 'running' ? undefined : body),
        { timeoutMs: 3_600_000 },
      );
      if (memberOf(ended, 'state') === 'failed' || memberOf(ended, 'state') === 'refused') process.exitCode = 1;
      return ended;
    }, INGESTION),
  );
  withCommonOptions(
    program
      .command('materialize <view>')
      .description('compute missing cuts of a feature view')
      .requiredOption('--through <time>', 'last cut, ISO 8601')
      .option('--wait', 'wait until the rows are online'),
  ).action(
    act(async ({ api }, [view = ''], { through, wait }) => {
      const cut = parseIso(String(through));
      const started = await api.post(`/v1/feature-views/${view}/materializations`, { through: toIso(cut) });
      if (wait !== true) return started;
      return api.poll(
        `/v1/feature-views/${view}/materialization`,
        (body) => (reached(memberOf(body, 'throughCut'), cut) ? body : undefined),
        { timeoutMs: 3_600_000 },
      );
    }),
  );
  withCommonOptions(program.command('quarantine [dataset]').description('list quarantined rows by case')).action(
    show((dataset) => `/v1/quarantine${dataset === undefined ? '' : `?dataset=${dataset}`}`, {
      columns: { CASE: 'caseId', DATASET: 'dataset', ROWS: 'rows', RULES: 'rules', STATE: 'state' },
    }),
  );
  withCommonOptions(
    program
      .command('predict <endpoint>')
      .description('ask an endpoint; fields as JSON, one object or several')
      .requiredOption('--input <json>', 'JSON, or @FILE'),
  ).action(
    act(async ({ servingUrl }, [endpoint = ''], { input }) => {
      if (servingUrl === null)
        throw new ApiError(0, 'PRN_STACK_NOT_RUNNING', 'No serving address is known. Set PERENNIAL_SERVING_URL.');
      return predict(`${servingUrl}/v2/models/${endpoint}`, String(input));
    }),
  );
}

async function predict(url: string, input: string): Promise<unknown> {
  const document: unknown = JSON.parse(input.startsWith('@') ? readFileSync(input.slice(1), 'utf8') : input);
  const rows = (Array.isArray(document) ? document : [document]) as Record<string, unknown>[];
  const metadata = await fetchJson(url);
  const declared = memberOf(metadata, 'inputs') as { name: string; datatype: string }[];
  const inputs = Object.keys(rows[0] ?? {}).map((name) => {
    const datatype = declared.find((each) => each.name === name)?.datatype ?? 'FP32';
    return { name, datatype, shape: [rows.length], data: rows.map((row) => wireValue(row[name], datatype)) };
  });
  return fetchJson(`${url}/infer`, { method: 'POST', body: JSON.stringify({ inputs }) });
}

/** Times may be written as people write them. */
function wireValue(value: unknown, datatype: string): unknown {
  return datatype === 'INT64' && typeof value === 'string' ? parseIso(value) : (value ?? null);
}

async function fetchJson(url: string, init?: RequestInit): Promise<unknown> {
  const response = await fetch(url, init);
  const body: unknown = await response.json();
  if (!response.ok)
    throw new ApiError(response.status, String(memberOf(body, 'code')), String(memberOf(body, 'error')));
  return body;
}

function memberOf(body: unknown, member: string): unknown {
  return typeof body === 'object' && body !== null ? Reflect.get(body, member) : undefined;
}

function idOf(body: unknown, member: string): string {
  return String(memberOf(body, member));
}

function reached(throughCut: unknown, wanted: number): boolean {
  // `through` need not fall on a cut: the last cut before it is less than one interval away, so "not before" decides.
  return typeof throughCut === 'string' && parseIso(throughCut) >= wanted - 86_400_000_000;
}
