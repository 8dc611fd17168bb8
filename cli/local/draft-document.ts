/** A draft as a document, and as YAML whose comments mark what a person should look at. */
import { stringify } from 'yaml';
import type { FileFormat } from '../../domain/dataset.js';
import { API_VERSION } from '../../domain/resources.js';
import type { DraftColumn } from './dataset-draft.js';
import type { DraftExpectation } from './draft-expectations.js';
import type { Guess } from './draft-guesses.js';

export interface DatasetDraft {
  readonly name: string;
  readonly file: string;
  readonly rows: number;
  readonly format: FileFormat;
  readonly columns: readonly DraftColumn[];
  readonly eventTime: Guess<string>;
  readonly keys: Guess<readonly string[]>;
  /** Columns of times never before the event. */
  readonly laterTimes: readonly string[];
  /** Rows that will be set aside: without an event time, or with an infinite number. */
  readonly setAside: number;
  readonly expectations: readonly DraftExpectation[];
}

export function documentOf(draft: DatasetDraft): unknown {
  const { name, columns, eventTime, keys, format, expectations } = draft;
  return {
    apiVersion: API_VERSION,
    kind: 'Dataset',
    metadata: { name },
    spec: {
      columns: columns.map(declared),
      eventTime: eventTime.value,
      keys: keys.value,
      knowledge: { from: 'commit' },
      format,
      ...(tolerated(draft) !== null && { maxQuarantined: tolerated(draft) }),
      expectations: expectations.map(({ rule }) => rule),
    },
  };
}

function declared({ name, from, type, nullable }: DraftColumn): object {
  return { name, ...(from !== undefined && { from }), type, ...(nullable && { nullable }) };
}

/** What must be let through for the file itself to be accepted; null where the usual tenth is enough. */
function tolerated({ setAside, rows }: DatasetDraft): number | null {
  return setAside > 0.1 * rows ? Math.min(1, Math.ceil((100 * setAside) / rows) / 100) : null;
}

export function renderDraft(draft: DatasetDraft): string {
  const { name, file, rows, columns, eventTime, keys, format, expectations } = draft;
  return [
    ...comment(
      `Drafted from all ${rows} rows of ${file}. "review" marks what was guessed: look at it before you apply this.`,
      0,
    ),
    `apiVersion: ${API_VERSION}`,
    'kind: Dataset',
    `metadata: ${flow({ name })}`,
    'spec:',
    '  columns:',
    ...columns.map((column) => `    - ${flow(declared(column))}${review(column.review)}`),
    `  eventTime: ${eventTime.value}${review(eventTime.review)}`,
    `  keys: ${flow(keys.value)}${review(keys.review)}`,
    ...knowledgeComment(draft),
    `  knowledge: ${flow({ from: 'commit' })}${review('when could a row first have been used?')}`,
    ...comment('Without it, the name of each file tells its format.', 2),
    `  format: ${format}`,
    ...(tolerated(draft) === null
      ? []
      : [`  maxQuarantined: ${tolerated(draft)}${review('so many rows have no event time, or an infinite number')}`]),
    ...(expectations.length === 0
      ? ['  expectations: []']
      : [
          ...comment('All of these only warn. Choose drop to set rows aside, fail to refuse the whole source.', 2),
          '  expectations:',
          ...expectations.map((each) => `    - ${flow(each.rule)}${review(each.review)}`),
        ]),
    '',
  ].join('\n');
}

/** The safe choice is the default; the others are the ones for loading history back. */
function knowledgeComment({ laterTimes, eventTime }: DatasetDraft): string[] {
  const [column] = laterTimes;
  const written =
    column === undefined
      ? []
      : [`  #   ${flow({ from: 'column', column })} (never before ${eventTime.value} in this file)`];
  return [
    ...comment(
      'When a row could first have been used. From its commit on: nothing can leak, but rows of the past that are loaded today ' +
        'stay invisible to questions about the past. For history say instead, as it really was:',
      2,
    ),
    ...written,
    `  #   ${flow({ from: 'event', delay: '1h' })}`,
  ];
}

function flow(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: true }).trimEnd();
}

function review(text: string | null): string {
  return text === null ? '' : `  # review: ${oneLine(text)}`;
}

function comment(text: string, indent: number): string[] {
  const lines: string[] = [];
  for (const word of oneLine(text).split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length > 110) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.map((line) => `${' '.repeat(indent)}# ${line}`);
}

/** Names come from the file and may hold anything; a comment must not end before its time. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}
