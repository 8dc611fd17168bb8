/** `apply`, `diff`, `get`, `describe`, `delete`. */
import type { Command } from 'commander';
import { readDocuments } from '../documents.js';
import { apiPath } from '../path.js';
import { ModelCard } from '../../domain/model-card.js';
import { renderCard } from '../../domain/model-card-markdown.js';
import { connect } from '../connection.js';
import { print } from '../output.js';
import { act, type CommonOptions, usage, withCommonOptions } from './command.js';

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
  withCommonOptions(
    program
      .command('describe <kind> <name>')
      .description('show a resource whole, or the card of MODEL/VERSION')
      .option('--card', 'of model MODEL/VERSION: the model card, as Markdown unless -o says otherwise'),
  ).action(async (kind: string, name: string, options: CommonOptions & { readonly card?: true }) => {
    const { api } = connect(options.data);
    if (options.card !== true) {
      print(await api.get(apiPath`/v1/resources/${kind}/${name}`), options.output);
      return;
    }
    const [model = '', version = ''] = name.split('/');
    if (kind.toLowerCase() !== 'model' || version === '')
      throw usage('--card goes with: describe model MODEL/VERSION.');
    const card = await api.get(apiPath`/v1/models/${model}/versions/${version}/card`);
    const plotLink = (plot: string): string => apiPath`/v1/models/${model}/versions/${version}/plots/${plot}`;
    if (options.output === 'table')
      console.log(renderCard(ModelCard.parse(card), { title: `${model}, version ${version}`, plotLink }));
    else print(card, options.output);
  });
  withCommonOptions(
    program.command('delete <kind> <name>').description('delete a resource that nothing refers to'),
  ).action(act(({ api }, [kind = '', name = '']) => api.delete(apiPath`/v1/resources/${kind}/${name}`)));
}

function itemsOf(body: unknown, member: string): unknown {
  const items: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, member) : [];
  return { items };
}
