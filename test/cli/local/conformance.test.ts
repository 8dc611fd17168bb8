/** The cases of the rule through `features historical`: datasets, views and questions as files. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CASES, type ConformanceCase } from '../../conformance/cases.js';
import { csv, document, iso, type LocalWorld, openLocalWorld } from './local-world.js';

const COLUMN_TYPES: Record<string, string> = { double: 'float', string: 'string' };

/** A dataset with the rows of the case, and a view that shows their values and knows their tombstones. */
function resourcesOf({ keys, features, rule }: ConformanceCase): object[] {
  const names = keys.map(({ name }) => name);
  return [
    document('Dataset', 'readings', {
      columns: [
        ...keys,
        { name: 'ts', type: 'timestamp' },
        { name: 'created', type: 'timestamp', nullable: true },
        { name: 'gone', type: 'boolean' },
        ...features.map(({ name, type }) => ({ name, type: COLUMN_TYPES[type], nullable: true })),
      ],
      eventTime: 'ts',
      keys: names,
      maxQuarantined: 1,
      knowledge: { from: 'column', column: 'created' },
    }),
    document('Entity', 'thing', { keys }),
    document('FeatureView', 'latest-reading', {
      dataset: 'readings',
      entity: 'thing',
      keys: Object.fromEntries(names.map((name) => [name, name])),
      deletes: 'gone',
      ...(rule.maxAgeMicros !== null && { maxAge: `${rule.maxAgeMicros / 1_000_000}s` }),
      features: features.map(({ name, type }) => ({ name, expression: name, type })),
    }),
  ];
}

describe('features historical', () => {
  let world: LocalWorld;
  beforeAll(async () => {
    world = await openLocalWorld();
  });
  afterAll(() => world.remove());

  it.each(CASES)('$name', async (each) => {
    const { keys, features, rows, questions, expected, rule } = each;
    await world.declare(...resourcesOf(each));
    const time = (value: number | null): string | null => (value === null ? null : iso(value));
    const table = csv(
      [...keys.map(({ name }) => name), 'ts', 'created', 'gone', ...features.map(({ name }) => name)],
      rows.map(({ key, eventTs, knownTs, deleted, values }) => [
        ...key,
        time(eventTs),
        time(knownTs),
        String(deleted),
        ...features.map(({ name }) => values[name] as string | number | null),
      ]),
    );
    // Keys as data frames and web clients get them wrong: numbers as texts, and the other way round.
    const spine = questions.map(({ key, time: asked }) => ({
      ...Object.fromEntries(keys.map(({ name, type }, part) => [name, mistyped(key[part] ?? null, type)])),
      event_timestamp: asked,
    }));
    const { rows: answered } = await world.ask({
      spine: await world.write('spine.ndjson', spine.map((row) => JSON.stringify(row)).join('\n')),
      tables: { readings: await world.write('readings.csv', table) },
      knowledge: rule.knowledge,
    });
    expect(answered.map(({ value }) => value)).toEqual(expected.map(({ value }) => value));
    expect(answered.map(({ event_timestamp }) => event_timestamp)).toEqual(questions.map(({ time: asked }) => asked));
  });
});

function mistyped(part: string | number | null, type: string): string | number | null {
  if (part === null) return null;
  if (type === 'integer') return String(part);
  return /^[1-9]\d*$/.test(String(part)) ? Number(part) : part;
}
