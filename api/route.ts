/** One description of a route serves the router, the access check, validation and the OpenAPI document. */
import type { z } from 'zod';
import type { Action, Actor } from '../domain/access.js';

/** The body of a request that is not read into memory. */
export interface StreamedBody {
  /** Ends with an error where the caller stops in the middle, or sends nothing for a minute. */
  readonly chunks: AsyncIterable<Uint8Array>;
  header(name: string): string | null;
}

/** A request after authentication and validation, as a handler sees it. */
export interface Call<B, Q> {
  readonly params: Readonly<Record<string, string>>;
  readonly body: B;
  readonly query: Q;
  readonly actor: Actor;
  /** Of a route that streams; empty for the others. */
  readonly stream: StreamedBody;
  /** The revision that `If-Match` names, without quotes; null where the header is absent. */
  readonly ifMatch: string | null;
  /** A new id. Under an `Idempotency-Key` always the same one, so that a repeat finds what an interrupted call did. */
  mintId(kind: string): string;
}

export interface Answer<T = unknown> {
  readonly body: T;
  /** Where long work can be polled. */
  readonly location?: string;
  /** Members of the body that are shown now and never kept: a repeat under the same `Idempotency-Key` lacks them. */
  readonly secret?: Readonly<Record<string, unknown>>;
  /** Sent in place of the body, one after the other while they come. */
  readonly events?: AsyncIterable<ServerEvent>;
  /** Sent in place of the body, with ranges and conditions as browsers and clients ask for them. */
  readonly file?: SentFile;
  /** Sent in place of the body, as it is. */
  readonly text?: SentText;
}

/** A server-sent event. A reader that comes back names the id of the last one it had. */
export interface ServerEvent {
  readonly id: number;
  readonly event: string;
  /** Plain JSON, as it is shown. */
  readonly data: unknown;
}

export interface SentText {
  readonly text: string;
  readonly mediaType: string;
  /** Name for whoever keeps it. */
  readonly name: string;
}

export interface SentFile {
  readonly path: string;
  readonly mediaType: string;
  /** Name for whoever keeps it. */
  readonly name: string;
  /** Of the content: the same bytes have the same tag. */
  readonly etag: string;
}

export interface Route {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Parameters are whole segments, as in `/v1/models/:model`; any other colon is literal. */
  readonly path: string;
  readonly summary: string;
  /** What a caller must be allowed to do. */
  readonly action: Action;
  /** Who holds a token, where the route takes tokens of its own in place of API keys. Throws for one that opens nothing. */
  readonly holder?: (token: string, params: Readonly<Record<string, string>>) => Promise<Actor>;
  /** Of success; 200 where it is left out. */
  readonly status?: 200 | 201 | 202;
  readonly body?: z.ZodType;
  /** Takes a body of any size and kind, which its handler reads as it comes. Repeats are its own concern. */
  readonly streams?: boolean;
  readonly query?: z.ZodType;
  /** The body of success in terms of the domain: times are microseconds here and ISO 8601 on the wire. */
  readonly response: z.ZodType;
  /** Media type of what the route sends instead of JSON; its handler then gives a file, a text, or events. */
  readonly sends?: string;
  readonly handle: (call: Call<unknown, unknown>) => Promise<Answer>;
}

/** Ties the types of body, query and response to the handler; at run time it is the description itself. */
export function route<R extends z.ZodType, B extends z.ZodType = z.ZodUndefined, Q extends z.ZodType = z.ZodUndefined>(
  description: Omit<Route, 'handle' | 'body' | 'query' | 'response'> & {
    readonly body?: B;
    readonly query?: Q;
    readonly response: R;
    readonly handle: (call: Call<z.infer<B>, z.infer<Q>>) => Promise<Answer<z.infer<R>>>;
  },
): Route {
  // The dispatcher parses body and query with these very schemas before it calls.
  return description as unknown as Route;
}

/** A path parameter; the router guarantees that those of the route's own path are there. */
export function param(call: { readonly params: Readonly<Record<string, string>> }, name: string): string {
  return call.params[name] ?? '';
}

/** Names of the parameters in a route's path, in order. */
export function pathParameters(path: string): string[] {
  return [...path.matchAll(/\/:(\w+)/g)].map(([, name = '']) => name);
}

/** The path as the router takes it: a colon inside a segment, as in `/v1/resources:diff`, must not open a parameter. */
export function routerPath(path: string): string {
  return path.replace(/(?<!\/):/g, '\\:');
}

/** The path as OpenAPI writes it. */
export function openApiPath(path: string): string {
  return path.replace(/\/:(\w+)/g, '/{$1}');
}
