/** `quarantine`: rows that expectations refused, and what to do about them. */
import type { Command } from 'commander';
import { type ApiClient, memberOf } from '../client.js';
import { isRow } from '../output.js';
import { apiPath, withQuery } from '../path.js';
import { upload } from '../upload.js';
import { act, show, usage, withCommonOptions } from './command.js';

const CASES = {
  columns: {
    CASE: 'caseId',
    DATASET: 'dataset',
    ROWS: 'rows',
    UNDECIDED: 'remaining',
    RULES: 'rules',
    STATE: 'state',
    SEVERITY: 'severity',
    OPENED: 'openedTs',
  },
};
const ROWS = { columns: { ROW: 'sourceRow', FAILS: 'failedRules', 'AS IT CAME': 'raw' } };
const OUTCOME = {
  columns: {
    CASE: 'caseId',
    STATE: 'state',
    RELEASED: 'released',
    FIXED: 'fixed',
    DISCARDED: 'discarded',
    UNDECIDED: 'remaining',
    PROBLEM: 'problem',
  },
};

export function registerQuarantineCommands(program: Command): void {
  const quarantine = program.command('quarantine').description('rows that expectations refused, by case');
  withCommonOptions(
    quarantine
      .command('list [dataset]')
      .description('cases that wait for a decision, newest first')
      .option('--all', 'closed ones as well'),
  ).action(
    act(({ api }, [dataset], { all }) => {
      return api.get(withQuery('/v1/quarantine', { dataset, state: all === true ? undefined : 'open' }));
    }, CASES),
  );
  withCommonOptions(quarantine.command('show <case>').description('one case, its decisions, and the signal')).action(
    show((id = '') => apiPath`/v1/quarantine/${id}`),
  );
  withCommonOptions(
    quarantine
      .command('rows <case>')
      .description('undecided rows as they came')
      .option('--after <row>', 'go on behind this row')
      .option('--limit <count>', 'rows of one page')
      .option('--all', 'rows that were decided about as well'),
  ).action(
    act(({ api }, [id = ''], { after, limit, all }) => {
      const query = { after: text(after), limit: text(limit), all: all === true ? 'true' : undefined };
      return api.get(withQuery(apiPath`/v1/quarantine/${id}/rows`, query));
    }, ROWS),
  );
  withCommonOptions(
    quarantine.command('effect <case>').description('versions that lack the rows, and versions that have them since'),
  ).action(show((id = '') => apiPath`/v1/quarantine/${id}/effect`));
  withCommonOptions(
    quarantine.command('token <case>').description('one-time token that proves your signal from the Temporal Web UI'),
  ).action(act(({ api }, [id = '']) => api.post(apiPath`/v1/quarantine/${id}/tokens`)));
  registerDecisions(quarantine);
}

function registerDecisions(quarantine: Command): void {
  const decision = (name: string, description: string): Command =>
    withCommonOptions(quarantine.command(`${name} <case>`).description(description))
      .option('--rows <numbers>', 'only these rows of the source, such as 3,17')
      .option('--reason <text>', 'why; required to discard', '')
      .option('--no-wait', 'do not wait until it is carried out');
  decision('release', 'bring rows back although they fail rules; known from now on')
    .option('--rules <names>', 'leave out only these rules')
    .action(decide(({ rules }) => ({ action: 'release', ...list('rules', rules) })));
  decision('discard', 'close rows for good; they stay in the evidence')
    .option('--rules <names>', 'only rows that fail no other rules')
    .action(decide(({ rules }) => ({ action: 'discard', ...list('rules', rules) })));
  decision('fix', 'ingest corrected rows in the place of these')
    .requiredOption('--file <path>', 'file with the corrected rows, in a format that the dataset reads')
    .action(
      decide(async ({ file }, api, dataset) => {
        const { uploadId } = await upload(api, dataset, String(file));
        return { action: 'fix', upload: uploadId };
      }),
    );
}

type Options = Readonly<Record<string, unknown>>;
type Body = Readonly<Record<string, unknown>>;

/** Sends the decision, and waits until the workflow has carried it out or says why not. */
function decide(bodyOf: (options: Options, api: ApiClient, dataset: string) => Body | Promise<Body>) {
  return act(async ({ api }, [id = ''], options) => {
    const path = apiPath`/v1/quarantine/${id}`;
    const dataset = String(memberOf(await api.get(path), 'dataset'));
    const rows = list('rows', options['rows']).rows?.map(rowNumber);
    const body = { ...(await bodyOf(options, api, dataset)), ...(rows && { rows }), reason: options['reason'] };
    const decisionId = memberOf(await api.post(`${path}/decisions`, body), 'decisionId');
    if (options['wait'] === false) return api.get(path);
    const ended = await api.poll(path, (about) => (isWorked(about, decisionId) ? about : undefined), {
      timeoutMs: 600_000,
    });
    const problem = problemOf(ended, decisionId);
    if (problem === null || !isRow(ended)) return ended;
    process.exitCode = 1;
    return { ...ended, problem };
  }, OUTCOME);
}

function decisionIn(about: unknown, decisionId: unknown): unknown {
  const decisions = memberOf(about, 'decisions');
  return Array.isArray(decisions)
    ? decisions.filter(isRow).find((each) => each['decisionId'] === decisionId)
    : undefined;
}

function isWorked(about: unknown, decisionId: unknown): boolean {
  return memberOf(decisionIn(about, decisionId), 'verdict') !== 'pending';
}

function problemOf(about: unknown, decisionId: unknown): string | null {
  const decision = decisionIn(about, decisionId);
  if (memberOf(decision, 'verdict') === 'applied') return null;
  return String(memberOf(decision, 'because'));
}

function list<K extends string>(name: K, words: unknown): Partial<Record<K, string[]>> {
  if (typeof words !== 'string') return {};
  const given = words.split(',').map((word) => word.trim());
  return { [name]: given.filter((word) => word !== '') } as Record<K, string[]>;
}

function rowNumber(word: string): number {
  if (/^[1-9]\d{0,14}$/.test(word)) return Number(word);
  throw usage(`Expected numbers of rows, such as 3,17, got ${word}.`);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
