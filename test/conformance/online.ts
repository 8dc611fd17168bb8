/**
 * Answers questions by the online path: real MongoDB, written in any order, read as serving reads. Each question has a
 * store state of its own: the rows that could be used by its time, since a row goes online when its time has come.
 */
import { keyValue, valueAt } from '../../scoring/feature-lookup.js';
import { type FeatureStore, type OnlineRow, onlineKey } from '../../store/contracts/features.js';
import { type Draw, type Feature, type Instance, shuffled } from './instance.js';
import type { FeatureRow, KeyPart, Question, Verdict } from './oracle.js';

const BATCH = 1_000;
const VIEW = 'conformance';

interface Asked {
  readonly instance: Instance;
  readonly question: Question;
  /** Text of the entity's key in this question's state; null where nobody can be meant. */
  readonly key: string | null;
}

/** A key that no other question has. */
function ownKey(key: readonly KeyPart[], number: number, { keys }: Instance): string | null {
  const parts = keys.map(({ type }, index) => {
    const part = key[index] ?? null;
    if (part === null) return null;
    return keyValue(type, typeof part === 'number' ? number * 1_000 + part : `${number}:${part}`);
  });
  return parts.includes(null) ? null : onlineKey(parts.filter((part) => part !== null));
}

/** By instance, question and feature. Questions without a time cannot be asked online: their verdicts are left out. */
export async function answerOnline(
  store: Pick<FeatureStore, 'upsertOnline' | 'readOnline'>,
  { instances, features }: { instances: readonly Instance[]; features: readonly Feature[] },
  draw: Draw,
): Promise<(Verdict[] | null)[][]> {
  let number = 0;
  const writes: OnlineRow[] = [];
  const asked = instances.map((instance) =>
    instance.questions.map((question): Asked => {
      number += 1;
      writes.push(...instance.rows.flatMap((row) => onlineRow(row, { instance, question, number })));
      return { instance, question, key: ownKey(question.key, number, instance) };
    }),
  );
  const order = shuffled(writes, draw);
  for (let from = 0; from < order.length; from += BATCH)
    await store.upsertOnline(VIEW, order.slice(from, from + BATCH));
  const found = await readAll(
    store,
    asked.flat().flatMap(({ key }) => key ?? []),
  );
  return asked.map((questions) => questions.map((each) => verdicts(each, features, found)));
}

function onlineRow(
  { key, eventTs, knownTs, seq, deleted, values }: FeatureRow,
  { instance, question, number }: { instance: Instance; question: Question; number: number },
): OnlineRow[] {
  const text = ownKey(key, number, instance);
  if (text === null || eventTs === null || knownTs === null || question.time === null) return [];
  if (eventTs > question.time || knownTs > question.time) return [];
  return [{ key: text, eventTs, knownTs, seq, deleted, values: deleted ? {} : values }];
}

async function readAll(
  store: Pick<FeatureStore, 'readOnline'>,
  keys: readonly string[],
): Promise<ReadonlyMap<string, OnlineRow>> {
  const found = new Map<string, OnlineRow>();
  for (let from = 0; from < keys.length; from += BATCH)
    for (const [key, row] of await store.readOnline(VIEW, keys.slice(from, from + BATCH))) found.set(key, row);
  return found;
}

function verdicts(
  { instance, question, key }: Asked,
  features: readonly Feature[],
  found: ReadonlyMap<string, OnlineRow>,
): Verdict[] | null {
  const { time } = question;
  if (time === null) return null;
  const row = key === null ? null : (found.get(key) ?? null);
  const { maxAgeMicros } = instance.rule;
  return features.map(({ name }) => valueAt(row, { feature: name, eventTs: time, maxAgeMicros }));
}
