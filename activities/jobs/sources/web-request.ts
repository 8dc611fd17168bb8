/** One GET to a listed host. The address that is connected to is the one that was checked: names can change between. */
import { lookup, type LookupAddress } from 'node:dns';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { DomainError } from '../../../domain/errors.js';

const SILENT_AFTER_MS = 30_000;

const PRIVATE = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const)
  PRIVATE.addSubnet(network, bits, 'ipv4');
for (const [network, bits] of [
  ['::', 127],
  ['64:ff9b::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  PRIVATE.addSubnet(network, bits, 'ipv6');

interface About {
  readonly uri: string;
  readonly hosts: readonly string[];
}

/** Throws `PRN_DATASET_SOURCE_HOST` unless the host is listed, and for plain HTTP to anything but a listed loopback port. */
export function requireListed(url: URL, about: About): void {
  const withPort = hasOwnEntry(url, about.hosts);
  const byName = url.port === '' && url.protocol === 'https:' && about.hosts.includes(hostOf(url));
  if (!withPort && !byName) throw forbidden(`host ${url.host} is not listed`, about);
  const isLoopback = ['localhost', '127.0.0.1', '::1'].includes(hostOf(url));
  if (url.protocol !== 'https:' && !(isLoopback && withPort)) throw forbidden('it must be https', about);
  if (isIP(hostOf(url)) !== 0 && isPrivate(hostOf(url)) && !withPort) throw forbidden(privateProblem(url), about);
}

/** Sends the request; resolves with the head of the answer. */
export function startRequest(url: URL, about: About & { readonly signal: AbortSignal }): Promise<IncomingMessage> {
  const mayBePrivate = hasOwnEntry(url, about.hosts);
  const lookupPublic: LookupFunction = (hostname, options, done) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      const bad = error === null && !mayBePrivate && found.some(({ address }) => isPrivate(address));
      const failure = error ?? (bad ? forbidden(privateProblem(url), about) : null);
      const [first = { address: '', family: 4 } satisfies LookupAddress] = found ?? [];
      if (failure !== null) done(failure, '', 0);
      else if (options.all === true) done(null, found);
      else done(null, first.address, first.family);
    });
  };
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const headers = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'perennial' };
    const { signal } = about;
    const sent = send(url, { headers, lookup: lookupPublic, signal, timeout: SILENT_AFTER_MS, agent: false });
    sent.on('timeout', () => sent.destroy(new Error(`nothing came for ${SILENT_AFTER_MS / 1_000} s`)));
    sent.on('response', resolve);
    sent.on('error', (error) => reject(signal.aborted || isOurs(error) ? error : unavailable(about.uri, error)));
    sent.end();
  });
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/** True for a host that is listed with its port: an installer who writes that means this very server. */
function hasOwnEntry(url: URL, hosts: readonly string[]): boolean {
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return hosts.includes(`${url.hostname}:${port}`);
}

function isPrivate(address: string): boolean {
  return PRIVATE.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

function privateProblem({ host, hostname }: URL): string {
  return `host ${host} has a private address; list it as ${hostname}:PORT if that is meant`;
}

function forbidden(problem: string, { uri, hosts }: About): DomainError {
  return new DomainError('PRN_DATASET_SOURCE_HOST', { uri, problem, allowed: hosts.join(', ') || 'none' });
}

function unavailable(uri: string, error: Error): DomainError {
  return new DomainError('PRN_DATASET_SOURCE_UNAVAILABLE', { uri, reason: error.message }, { cause: error });
}

function isOurs(error: unknown): boolean {
  return error instanceof DomainError;
}
