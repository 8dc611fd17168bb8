import { describe, expect, it } from 'vitest';
import { DatasetSpec } from '../../domain/dataset.js';

describe('the columns of a dataset', () => {
  const problemsOf = (names: readonly string[]): string[] => {
    const columns = [{ name: 'ts', type: 'timestamp' }, ...names.map((name) => ({ name, type: 'string' }))];
    const parsed = DatasetSpec.safeParse({ columns, eventTime: 'ts' });
    return (parsed.error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
  };

  it('a column called rowid or like one of the platform gave rows wrong numbers', () => {
    expect(problemsOf(['rowid', 'RowId', '__raw', '__known_ts'])).toEqual([
      "columns.1.name: rowid is a name of the platform's own: choose another and give `from: rowid`",
      "columns.2.name: RowId is a name of the platform's own: choose another and give `from: RowId`",
      'columns.2.name: RowId repeats the column rowid: names must differ in more than the case of letters',
      "columns.3.name: __raw is a name of the platform's own: choose another and give `from: __raw`",
      "columns.4.name: __known_ts is a name of the platform's own: choose another and give `from: __known_ts`",
    ]);
    expect(problemsOf(['row_id', '_raw', 'known_ts'])).toEqual([]);
  });

  it('columns whose names differ in case only were accepted and no source could be read', () => {
    expect(problemsOf(['a', 'A', 'Ts'])).toEqual([
      'columns.2.name: A repeats the column a: names must differ in more than the case of letters',
      'columns.3.name: Ts repeats the column ts: names must differ in more than the case of letters',
    ]);
  });
});

describe('the query of a dataset', () => {
  it('an alias that gives the view of another read the rows of that one', () => {
    const isTaken = (aliases: readonly string[]): boolean => {
      const from = Object.fromEntries(aliases.map((alias) => [alias, 'flights']));
      const columns = [{ name: 'ts', type: 'timestamp' }];
      return DatasetSpec.safeParse({ columns, eventTime: 'ts', query: { sql: 'select 1', from } }).success;
    };
    expect(
      [
        ['a', 'b'],
        ['a', 'b_history'],
        ['a', 'A'],
        ['a', 'a_history'],
        ['a', 'A_History'],
      ].map(isTaken),
    ).toEqual([true, true, false, false, false]);
  });
});
