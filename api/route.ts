/** One description of a route serves the router, the access check, validation and the OpenAPI document. */
import type { Request } from 'express';
import type { z } from 'zod';
import type { Action, Actor } from '../domain/access.js';

export interface Call<B, Q> {
  readonly params: Readonly<Record<string, string>>;
  readonly body: B;
  readonly query: Q;
  readonly actor: Actor;
  readonly request: Request;
}

export interface Answer {
  readonly status?: number;
  readonly body: unknown;
  /** Where long work can be polled. */
  readonly location?: string;
}

export interface Route {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** Express path, such as `/v1/models/:model`. */
  readonly path: string;
  readonly summary: string;
  /** What a caller must be allowed to do. */
  readonly action: Action;
  readonly body?: z.ZodType;
  readonly query?: z.ZodType;
  readonly handle: (call: Call<unknown, unknown>) => Promise<Answer>;
}

/** Ties the types of body and query to the handler; at run time it is the description itself. */
export function route<B extends z.ZodType = z.ZodUndefined, Q extends z.ZodType = z.ZodUndefined>(
  description: Omit<Route, 'handle' | 'body' | 'query'> & {
    readonly body?: B;
    readonly query?: Q;
    readonly handle: (call: Call<z.infer<B>, z.infer<Q>>) => Promise<Answer>;
  },
): Route {
  // The dispatcher parses body and query with these very schemas before it calls.
  return description as unknown as Route;
}

export function param(call: { readonly params: Readonly<Record<string, string>> }, name: string): string {
  return call.params[name] ?? '';
}
