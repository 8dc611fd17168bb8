import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../domain/canonical-json.js';

describe('canonicalJson', () => {
  it('sorts members at every depth and leaves undefined ones out', () => {
    expect(canonicalJson({ b: [1, { d: null, c: 'x' }], a: undefined, A: true })).toBe(
      '{"A":true,"b":[1,{"c":"x","d":null}]}',
    );
  });

  it('refuses what JSON cannot hold', () => {
    expect(() => canonicalJson({ share: Number.NaN })).toThrow('canonical JSON cannot hold NaN');
    expect(() => canonicalJson({ big: 1n })).toThrow('canonical JSON cannot hold a bigint');
  });

  it('gives one text for one value, whatever the order of its members', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).toReversed());
        return canonicalJson(value) === canonicalJson(reversed);
      }),
    );
  });

  it('is JSON that reads back as the value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
