import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DatasetSpec } from '../../domain/dataset.js';
import { schemaChanges } from '../../domain/schema-evolution.js';

const BASE = {
  columns: [
    { name: 'ts', type: 'timestamp' },
    { name: 'origin', type: 'string' },
    { name: 'delay', type: 'float', nullable: true },
  ],
  eventTime: 'ts',
  keys: ['origin'],
} as const;
const spec = (changes: object = {}) => DatasetSpec.parse({ ...BASE, ...changes });
const [TS, ORIGIN, DELAY] = BASE.columns;

function changesTo(changes: object): [kind: string, allowed: boolean, message: string][] {
  return schemaChanges(spec(), spec(changes)).map(({ kind, allowed, message }) => [kind, allowed, message]);
}

describe('schemaChanges', () => {
  it('finds none in another order, another description or another source column', () => {
    const columns = [{ ...DELAY, description: 'minutes' }, { ...ORIGIN, from: 'ORIGIN' }, TS];
    expect(changesTo({ columns, format: 'csv' })).toEqual([]);
  });

  it('lets a nullable column be added and nulls be allowed', () => {
    const columns = [TS, { ...ORIGIN, nullable: true }, DELAY, { name: 'carrier', type: 'string', nullable: true }];
    expect(changesTo({ columns })).toEqual([
      ['relaxed', true, 'origin may be null from now on'],
      ['added', true, 'carrier is new and null in old rows'],
    ]);
  });

  it('refuses what old rows cannot follow, and says what to write', () => {
    expect(changesTo({ columns: [TS, ORIGIN, DELAY, { name: 'carrier', type: 'string' }] })).toEqual([
      ['added', false, 'carrier is new and old rows do not have it: write `nullable: true`'],
    ]);
    expect(changesTo({ columns: [TS, ORIGIN] })).toEqual([
      ['dropped', false, 'delay is gone: put `{ name: delay, type: float, nullable: true }` back'],
    ]);
    expect(changesTo({ columns: [TS, ORIGIN, { name: 'delay', type: 'integer', nullable: true }] })).toEqual([
      [
        'retyped',
        false,
        'delay was float and is now integer: write `type: float`, or add a nullable column of another name',
      ],
    ]);
    expect(changesTo({ columns: [TS, ORIGIN, { name: 'delay', type: 'float' }] })).toEqual([
      ['required', false, 'delay may be null in old rows: write `nullable: true`'],
    ]);
  });

  it('sees a rename by its source or its type', () => {
    expect(changesTo({ columns: [TS, ORIGIN, { name: 'late', type: 'float', nullable: true }] })).toEqual([
      ['renamed', false, 'delay became late: keep `name: delay` with `from: late`'],
    ]);
    expect(
      changesTo({ columns: [TS, ORIGIN, { name: 'late', type: 'integer', from: 'delay', nullable: true }] }),
    ).toEqual([['renamed', false, 'delay became late: keep `name: delay`']]);
  });

  it('refuses another identity of rows', () => {
    const columns = [...BASE.columns, { name: 'seen', type: 'timestamp', nullable: true }];
    expect(changesTo({ columns, eventTime: 'seen', keys: [] })).toEqual([
      ['added', true, 'seen is new and null in old rows'],
      ['eventTime', false, 'eventTime was ts: write `eventTime: ts`'],
      ['keys', false, 'keys were [origin]: write `keys: [origin]`'],
    ]);
  });

  it('allows a chain of changes only if it allows the step from its beginning to its end', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd');
    const column = fc.record({ name, type: fc.constantFrom('float', 'string'), nullable: fc.boolean() });
    const schema = fc
      .uniqueArray(column, { selector: (each) => each.name, maxLength: 4 })
      .map((columns) => spec({ columns: [TS, ORIGIN, ...columns] }));
    const allows = (from: DatasetSpec, to: DatasetSpec): boolean =>
      schemaChanges(from, to).every(({ allowed }) => allowed);
    fc.assert(
      fc.property(schema, schema, schema, (first, second, third) => {
        if (allows(first, second) && allows(second, third)) expect(allows(first, third)).toBe(true);
      }),
    );
  });
});
