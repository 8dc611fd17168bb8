/** Paths of the API out of words that people typed: each word is one segment, whatever it holds. */
import { ApiError } from './client.js';

/** A tagged template. Throws `PRN_REQUEST_INVALID` for a word that no name can be. */
export function apiPath(parts: TemplateStringsArray, ...words: readonly string[]): string {
  return parts.map((part, index) => part + (index < words.length ? segment(words[index] ?? '') : '')).join('');
}

/** Parameters that are undefined are left out. */
export function withQuery(path: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) given.set(name, value);
  return given.size === 0 ? path : `${path}?${given.toString()}`;
}

/** URLs resolve one and two dots away, encoded or not, so that they would name something else. */
function segment(word: string): string {
  if (word === '' || word === '.' || word === '..')
    throw new ApiError(0, 'PRN_REQUEST_INVALID', `"${word}" is not a name.`);
  return encodeURIComponent(word);
}
