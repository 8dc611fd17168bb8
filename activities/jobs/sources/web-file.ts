/** One file over HTTPS, from a host that the configuration lists. */
import type { IncomingMessage } from 'node:http';
import { DomainError } from '../../../domain/errors.js';
import type { JobContext } from '../context.js';
import type { SourceFile, SourceRequest } from './contract.js';
import { formatOf } from '../../../domain/source-format.js';
import { type CopyBudget, copyPrivately } from './private-copy.js';
import { requireListed, startRequest } from './web-request.js';

const MOST_REDIRECTS = 5;

export function isWebAddress(uri: string): boolean {
  return /^https?:\/\//i.test(uri);
}

/**
 * Throws `PRN_DATASET_SOURCE_HOST` for what may not be read, redirects to other hosts included, `…_MISSING`,
 * `…_UNAVAILABLE` (can be repeated), and what {@link copyPrivately} throws.
 */
export async function copyWebFile(
  { sourceUri: uri, sourceHosts = [], format: declared }: SourceRequest,
  budget: CopyBudget,
  context: JobContext,
): Promise<SourceFile> {
  const url = readAddress(uri, sourceHosts);
  const { format, compression } = formatOf(url.pathname, declared);
  const signal = AbortSignal.any([context.signal, budget.deadline]);
  const stream = await follow(url, { uri, hosts: sourceHosts, signal, budget });
  const path = await context.artifacts.scratchPath('source');
  const input = { uri, stream, path, gunzip: compression === 'gzip', budget };
  const copied = await copyPrivately(input, context).catch((error: unknown) => {
    throw unlessOurs(error, { uri, context });
  });
  return { path, uri, ...copied, format, compression: compression === 'zstd' ? compression : null };
}

function readAddress(uri: string, hosts: readonly string[]): URL {
  const url = URL.canParse(uri) ? new URL(uri) : null;
  const problem = url === null ? 'it is no address' : url.username + url.password !== '' ? 'it has a password' : null;
  if (url === null || problem !== null)
    throw new DomainError('PRN_DATASET_SOURCE_HOST', { uri, problem, allowed: hosts.join(', ') });
  return url;
}

interface Following {
  readonly uri: string;
  readonly hosts: readonly string[];
  readonly signal: AbortSignal;
  readonly budget: CopyBudget;
}

async function follow(start: URL, about: Following): Promise<IncomingMessage> {
  const { uri, hosts } = about;
  let url = start;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects += 1) {
    requireListed(url, { uri, hosts });
    const response = await startRequest(url, about).catch((error: unknown) => {
      if (about.budget.deadline.aborted)
        throw new DomainError('PRN_DATASET_SOURCE_ENDLESS', { uri, seconds: about.budget.limits.maxSeconds });
      throw error;
    });
    const status = response.statusCode ?? 0;
    if (status === 200) return response;
    response.destroy();
    const next = status >= 300 && status < 400 ? response.headers.location : undefined;
    if (next === undefined) throw refused(uri, status);
    const target = new URL(next, url);
    if (target.host !== start.host || target.protocol !== start.protocol) {
      const problem = `it redirects to ${target.protocol}//${target.host}, another host`;
      throw new DomainError('PRN_DATASET_SOURCE_HOST', { uri, problem, allowed: hosts.join(', ') });
    }
    url = target;
  }
  throw new DomainError('PRN_DATASET_SOURCE_HOST', { uri, problem: 'it redirects in a circle', allowed: '' });
}

function refused(uri: string, status: number): DomainError {
  if (status === 429 || status >= 500)
    return new DomainError('PRN_DATASET_SOURCE_UNAVAILABLE', { uri, reason: `its server answered ${status}` });
  return new DomainError('PRN_DATASET_SOURCE_MISSING', { uri });
}

/** A connection that breaks in the middle may hold the next time. */
function unlessOurs(error: unknown, { uri, context }: { uri: string; context: JobContext }): unknown {
  if (error instanceof DomainError || context.signal.aborted) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new DomainError('PRN_DATASET_SOURCE_UNAVAILABLE', { uri, reason }, { cause: error });
}
