import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openValidationBench } from './validation-bench.js';

/** What people are told about sources that no reader can read: the reason, and the line it stands in. */
describe('a source that cannot be read', () => {
  let bench: Awaited<ReturnType<typeof openValidationBench>>;
  beforeAll(async () => {
    bench = await openValidationBench();
  });
  afterAll(() => bench.close());

  const columns = [
    { name: 'id', type: 'integer' },
    { name: 't', type: 'timestamp' },
  ];
  const GOOD = '1,2024-01-01\n';
  /** The message behind the name of the file. */
  const told = async (content: string | Uint8Array, format = 'csv'): Promise<string> => {
    const error: unknown = await bench.judge(content, { columns, eventTime: 't', format }).catch((thrown) => thrown);
    return error instanceof Error ? error.message.replace(/^Source \S+ /, '') : 'it was read';
  };
  const unreadable = (what: string): string => `is not readable as ${what}. Nothing was ingested.`;

  it('messages named the line of a delimited file without what is wrong with it', async () => {
    expect(await told(`id,t\n${GOOD}2\n`)).toBe(unreadable('csv, line 3: Expected Number of Columns: 2 Found: 1'));
    expect(await told(`id,t\n${GOOD}2,2024-01-01,3\n`)).toBe(
      unreadable('csv, line 3: Expected Number of Columns: 2 Found: 3'),
    );
    expect(await told(`id,t\n1,"2024-01-01\n`)).toBe(unreadable('csv, line 2: Value with unterminated quote found'));
    const bytes = Buffer.concat([Buffer.from('id,t\n1,'), Buffer.from([0xff, 0xfe]), Buffer.from('\n')]);
    expect(await told(bytes)).toBe(
      unreadable('csv, line 2: Invalid unicode (byte sequence mismatch) detected. This file is not utf-8 encoded'),
    );
    expect(await told(`id,t\n${GOOD}2,2024-01-01\r\n3,2024-01-01\n`)).toBe(
      unreadable(
        'csv: it is no plain delimited text, for example because some lines end in a carriage return and others do not',
      ),
    );
  });

  it('messages about a bad first line spoke of parsers and binders', async () => {
    const first = (reason: string): string => unreadable(`csv, line 1: ${reason}`);
    for (const content of ['', '\n\n', '\uFEFF\n', ` \nid,t\n${GOOD}`])
      expect(await told(content)).toBe(first('the names of its columns must stand there, and there is nothing'));
    expect(await told(`id,"t\nt"\n${GOOD}`)).toBe(
      first("the name of a column has a line break in it, or its quotes don't close"),
    );
    expect(await told('id,t\r1,2024-01-01\r')).toBe(
      first('its lines end in a carriage return alone; end them in a line feed'),
    );
    expect(await told(`id,t,ID\n1,2024-01-01,2\n`)).toBe(
      first('two columns are called "ID"; names must differ in more than case'),
    );
    expect(await told(`id,t,${'x'.repeat(70_000)}\n1,2024-01-01,2\n`)).toBe(
      first('the names of its columns take more than 65536 bytes'),
    );
  });

  it('a column without a name made its file unreadable', async () => {
    const { report } = await bench.judge(`,id,t,\n0,1,2024-01-01,x\n`, { columns, eventTime: 't' });
    expect([report.outcome, report.rows]).toEqual(['accepted', 1]);
  });

  it('messages named the line behind the one that is no JSON', async () => {
    const good = '{"id":1,"t":"2024-01-01"}\n';
    expect(await told(`${good}{"id":2,"t":\n${good}`, 'ndjson')).toMatch(
      /^is not readable as ndjson, line 2: Malformed/,
    );
    expect(await told(`{"id":2,"t":\n${good}`, 'ndjson')).toMatch(/^is not readable as ndjson, line 1: Malformed/);
    expect(await told('[{"id":1},\n{"id":2,,}]', 'json')).toMatch(/as json: Malformed JSON .* at byte 9 in value 2: /);
    expect(await told(`${good}{"id":1,"id":2}\n`, 'ndjson')).toMatch(/ndjson, line 2: .* has duplicate key "id"/);
  });

  it('a file without objects was said to have a column called json', async () => {
    for (const [content, format] of [
      ['', 'ndjson'],
      ['7\n[1]\n', 'ndjson'],
      ['[]', 'json'],
    ] as const)
      // prettier-ignore
      expect(await told(content, format)).toBe(
        'does not fit dataset probe: none of its values is an object with members. Expected id, t, got nothing.',
      );
  });

  it('messages showed the path of the private copy', async () => {
    for (const format of ['parquet', 'json', 'ndjson', 'csv'])
      expect(await told('{"PAR1', format), format).not.toMatch(/scratch|perennial-test/);
  });
});
