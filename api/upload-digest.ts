/** The digest that a caller says the body has. */
import { DomainError } from '../domain/errors.js';
import type { StreamedBody } from './route.js';

export interface ExpectedDigest {
  readonly header: string;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/**
 * SHA-256 from `x-content-sha256` (hexadecimal), `Content-Digest` (RFC 9530) or `Digest` (RFC 3230); null where none is
 * given or none of these is SHA-256. Throws `PRN_REQUEST_INVALID` for one that cannot be read.
 */
export function readExpectedDigest({ header }: Pick<StreamedBody, 'header'>): ExpectedDigest | null {
  const plain = header('x-content-sha256');
  if (plain !== null) return { header: 'x-content-sha256', sha256: checked('x-content-sha256', plain.toLowerCase()) };
  for (const [name, pattern] of [
    ['content-digest', /(?:^|,)\s*sha-256=:([^:]*):/i],
    ['digest', /(?:^|,)\s*sha-256=([^,\s]*)/i],
  ] as const) {
    const encoded = pattern.exec(header(name) ?? '')?.[1];
    if (encoded !== undefined)
      return { header: name, sha256: checked(name, Buffer.from(encoded, 'base64').toString('hex')) };
  }
  return null;
}

function checked(name: string, sha256: string): string {
  if (/^[0-9a-f]{64}$/.test(sha256)) return sha256;
  throw new DomainError('PRN_REQUEST_INVALID', { what: `header ${name}`, problem: 'expected a SHA-256 digest' });
}
