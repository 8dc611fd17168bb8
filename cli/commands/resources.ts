/** `apply`, `diff`, `get`, `describe`, `delete`. */
import type { Command } from 'commander';
import { readDocuments } from '../documents.js';
import { apiPath } from '../path.js';
import { act, show, withCommonOptions } from './command.js';

const APPLIED = { columns: { KIND: 'kind', NAME: 'name', REVISION: 'revision', CHANGE: 'change' } };
const LISTED = {
  columns: {
    KIND: 'kind',
    NAME: 'name',
    REVISION: 'revision',
    OWNER: 'owner',
    'APPLIED BY': 'appliedBy',
    AT: 'appliedTs',
  },
};

export function registerResourceCommands(program: Command): void {
  withCommonOptions(
    program
      .command('apply')
      .description('apply resources from a file or folder')
      .requiredOption('-f, --file <path>', 'YAML or JSON file, or a folder of them'),
  ).action(
    act(
      async ({ api }, _words, { file }) =>
        itemsOf(await api.put('/v1/resources', readDocuments(String(file))), 'applied'),
      APPLIED,
    ),
  );
  withCommonOptions(
    program
      .command('diff')
      .description('show what apply would change')
      .requiredOption('-f, --file <path>', 'file or folder'),
  ).action(
    act(
      async ({ api }, _words, { file }) =>
        itemsOf(await api.post('/v1/resources:diff', readDocuments(String(file))), 'changes'),
      {
        columns: { KIND: 'kind', NAME: 'name', CHANGE: 'change' },
      },
    ),
  );
  withCommonOptions(program.command('get <kind> [name]').description('list resources of a kind, or show one')).action(
    act(
      async ({ api }, [kind = '', name]) =>
        api.get(name === undefined ? apiPath`/v1/resources/${kind}` : apiPath`/v1/resources/${kind}/${name}`),
      LISTED,
    ),
  );
  withCommonOptions(program.command('describe <kind> <name>').description('show a resource whole')).action(
    show((kind = '', name = '') => apiPath`/v1/resources/${kind}/${name}`),
  );
  withCommonOptions(
    program.command('delete <kind> <name>').description('delete a resource that nothing refers to'),
  ).action(act(({ api }, [kind = '', name = '']) => api.delete(apiPath`/v1/resources/${kind}/${name}`)));
}

function itemsOf(body: unknown, member: string): unknown {
  const items: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, member) : [];
  return { items };
}
