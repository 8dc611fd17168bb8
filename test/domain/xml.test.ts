import { describe, expect, it } from 'vitest';
import { escapeXml } from '../../domain/xml.js';

describe('text inside XML', () => {
  it('leaves nothing in XML that XML cannot hold', () => {
    expect(escapeXml('a\u0000b\u001Bc\uD800d\uFFFFe\t\n😀')).toBe('a\uFFFDb\uFFFDc\uFFFDd\uFFFDe\t\n😀');
  });
});
