/** Answers questions by the offline path: feature rows in Parquet chunks, through the join that the product runs. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FEATURE_SQL_TYPES } from '../../ml/features/feature-row-sql.js';
import { pointInTimeJoin, type ViewJoin } from '../../ml/features/point-in-time.js';
import type { TableEngine, TableSession } from '../../store/contracts/tables.js';
import { type Draw, type Feature, type Instance, shuffled } from './instance.js';
import type { KeyPart, Value } from './oracle.js';

export interface TableBench {
  readonly tables: TableEngine;
  readonly folder: string;
}

export interface Layout {
  /** Order of rows, questions and chunks. */
  readonly draw: Draw;
  readonly chunks: number;
  readonly fewKeys: boolean;
}

type Answers = readonly (readonly Value[])[];

interface Member {
  readonly instance: Instance;
  readonly number: number;
}

/**
 * By instance, the values of its questions, feature by feature. Instances of one shape share a table: each has keys of
 * its own there.
 */
export async function answerByTables(
  bench: TableBench,
  { instances, features }: { instances: readonly Instance[]; features: readonly Feature[] },
  layout: Layout,
): Promise<Answers[]> {
  const groups = new Map<string, Member[]>();
  for (const [number, instance] of instances.entries()) {
    const { keys, rule } = instance;
    const alone = keys.length === 0 ? number : null;
    const shape = JSON.stringify([keys, rule, alone]);
    groups.set(shape, [...(groups.get(shape) ?? []), { instance, number }]);
  }
  const answers = instances.map(({ questions }) => questions.map((): Value[] => []));
  for (const members of groups.values()) {
    const found = await bench.tables.use((session) =>
      answerGroup(session, { members, features, layout, folder: bench.folder }),
    );
    for (const row of found) {
      const values = answers[Number(row['instance'])]?.[Number(row['question'])];
      values?.push(...features.map(({ name }) => row[name] ?? null));
    }
  }
  return answers;
}

/** A key part that no other instance has; nulls stay nulls. */
function ownPart(part: KeyPart, number: number): KeyPart {
  if (part === null) return null;
  return typeof part === 'number' ? number * 1_000 + part : `${number}:${part}`;
}

interface Group {
  readonly members: readonly Member[];
  readonly features: readonly Feature[];
  readonly layout: Layout;
  readonly folder: string;
}

async function answerGroup(session: TableSession, group: Group): Promise<Record<string, Value>[]> {
  const { members, features, layout } = group;
  const [first] = members;
  if (first === undefined) return [];
  const { keys, rule } = first.instance;
  const types: Record<string, string> = { event_ts: 'bigint', known_ts: 'bigint', seq: 'bigint', deleted: 'boolean' };
  for (const { name, type } of keys) types[name] = type === 'integer' ? 'bigint' : 'varchar';
  for (const { name, type } of features) types[name] = FEATURE_SQL_TYPES[type];
  const rows = shuffled(
    members.flatMap(({ instance, number }) =>
      instance.rows.map(({ key, eventTs: event_ts, knownTs: known_ts, seq, deleted, values }) => ({
        ...Object.fromEntries(keys.map(({ name }, part) => [name, ownPart(key[part] ?? null, number)])),
        event_ts,
        known_ts,
        seq,
        deleted,
        ...values,
      })),
    ),
    layout.draw,
  );
  await writeSpine(session, group, keys);
  const view: ViewJoin = {
    chunks: await writeChunks(session, { rows, types, ...group }),
    keys: keys.map(({ name, type }) => ({ key: name, type, column: name })),
    features: features.map(({ name, type }) => ({ feature: name, type, output: name })),
    maxAgeMicros: rule.maxAgeMicros,
  };
  const spine = { relation: 'spine', timeColumn: 'ts', fewKeys: layout.fewKeys };
  return session.rows(`select * from (${pointInTimeJoin(spine, view, rule.knowledge)})`);
}

async function writeSpine(session: TableSession, group: Group, keys: Instance['keys']): Promise<void> {
  const questions = group.members.flatMap(({ instance, number }) =>
    instance.questions.map(({ key, time }, question) => ({
      instance: number,
      question,
      ts: time,
      ...Object.fromEntries(keys.map(({ name }, part) => [name, ownPart(key[part] ?? null, number)])),
    })),
  );
  const types = { instance: 'bigint', question: 'bigint', ts: 'bigint' };
  const keyTypes = keys.map(({ name, type }) => [name, type === 'integer' ? 'bigint' : 'varchar']);
  const rows = await loadRows(session, shuffled(questions, group.layout.draw), {
    types: { ...types, ...Object.fromEntries(keyTypes) },
    folder: group.folder,
  });
  await session.execute(`create or replace temp table spine as ${rows}`);
}

async function writeChunks(
  session: TableSession,
  {
    rows,
    types,
    layout,
    folder,
  }: { rows: readonly object[]; types: Record<string, string>; layout: Layout; folder: string },
): Promise<{ path: string }[]> {
  const size = Math.max(1, Math.ceil(rows.length / layout.chunks));
  const chunks: { path: string }[] = [];
  for (let from = 0; from < rows.length; from += size) {
    const path = join(folder, `chunk-${chunks.length}.parquet`);
    const part = await loadRows(session, rows.slice(from, from + size), { types, folder });
    await session.execute(`copy (${part}) to '${path}' (format parquet)`);
    chunks.push({ path });
  }
  return chunks;
}

/** A query over rows in a file, which is the quickest way for many of them into the engine. */
async function loadRows(
  session: TableSession,
  rows: readonly object[],
  { types, folder }: { types: Readonly<Record<string, string>>; folder: string },
): Promise<string> {
  const path = join(folder, 'rows.ndjson');
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const columns = Object.entries(types).map(([name, type]) => `"${name}": '${type}'`);
  return `select * from read_json('${path}', format = 'newline_delimited', columns = {${columns.join(', ')}})`;
}
