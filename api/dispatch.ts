/** What happens between the router and a handler: who calls, may they, is the request sound, was it asked before. */
import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { Actor } from '../domain/access.js';
import { DomainError } from '../domain/errors.js';
import { naturalKeyId } from '../domain/ids.js';
import type { KeyStore } from '../store/contracts/audit.js';
import { sha256Hex } from '../store/contracts/digests.js';
import { authenticate, bearerOf, requireAction } from './auth.js';
import { sendEvents } from './event-stream.js';
import { createOnceOnly, type SentAnswer } from './idempotency.js';
import { present } from './present.js';
import type { Call, Route, SentFile } from './route.js';
import { streamedBody } from './streamed-body.js';

const MAX_DEPTH = 50;

export type Dispatch = (route: Route, exchange: { request: Request; response: Response }) => Promise<void>;

/** Serves every route alike, so that access, validation and answers cannot diverge between them. */
export function createDispatch(keys: KeyStore): Dispatch {
  const onceOnly = createOnceOnly(keys);
  return async (route, { request, response }) => {
    const actor = await callerOf(route, request, keys);
    requireAction(actor, route.action);
    const call = readCall(route, request, actor);
    const work = (): Promise<SentAnswer> => answerOf(route, call);
    const key = request.get('idempotency-key');
    const { method, path } = request;
    const isRepeatable = key !== undefined && route.method !== 'get' && route.streams !== true;
    const answer = isRepeatable
      ? await onceOnly({ key, actor: actor.name, method, path, query: call.query, body: call.body }, work)
      : await work();
    if (answer.location !== null) response.setHeader('location', answer.location);
    if (answer.events !== undefined) return sendEvents({ request, response }, answer.events);
    const { text } = answer;
    if (text !== undefined) return void response.attachment(text.name).type(text.mediaType).send(text.text);
    if (answer.file === undefined) response.status(answer.status).json(withSecret(answer));
    else await sendFile(response, answer.file);
  };
}

function callerOf({ holder }: Route, request: Request, keys: KeyStore): Promise<Actor> {
  const { authorization } = request.headers;
  return holder === undefined ? authenticate(keys, authorization) : holder(bearerOf(authorization), paramsOf(request));
}

function paramsOf({ params }: Request): Record<string, string> {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)]));
}

function sendFile(response: Response, { path, mediaType, name, etag }: SentFile): Promise<void> {
  // After the name: its ending would decide about the type.
  response.attachment(name).type(mediaType).setHeader('etag', `"${etag}"`);
  return new Promise((resolve, reject) => {
    response.sendFile(path, { etag: false, lastModified: false, dotfiles: 'allow' }, (error?: Error) => {
      // A caller that goes away in the middle is no failure of ours.
      if (error === undefined || response.headersSent) resolve();
      else reject(error);
    });
  });
}

function readCall(route: Route, request: Request, actor: Actor): Call<unknown, unknown> {
  const key = request.get('idempotency-key');
  return {
    params: paramsOf(request),
    body: route.body === undefined ? undefined : parse(route.body, shallow(request.body), 'body'),
    query: route.query === undefined ? undefined : parse(route.query, request.query, 'query'),
    actor,
    stream: streamedBody(request),
    ifMatch: request.get('if-match')?.replaceAll('"', '') ?? null,
    mintId: (kind) =>
      key === undefined ? randomUUID() : naturalKeyId(sha256Hex, [kind, actor.name, key, request.path]),
  };
}

async function answerOf(route: Route, call: Call<unknown, unknown>): Promise<SentAnswer> {
  const { body, location = null, secret = {}, file, text, events } = await route.handle(call);
  const instead = { ...(file && { file }), ...(text && { text }), ...(events && { events }) };
  return { status: route.status ?? 200, body: present(body), location, secret, ...instead };
}

function withSecret({ body, secret }: SentAnswer): unknown {
  return typeof body === 'object' && body !== null && !Array.isArray(body) ? { ...body, ...secret } : body;
}

/** The body itself, unless it is nested so deep that walking it would exhaust the stack. */
function shallow(body: unknown): unknown {
  let level: unknown[] = [body];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH)
      throw new DomainError('PRN_REQUEST_INVALID', {
        what: 'body',
        problem: `it is nested deeper than ${MAX_DEPTH} levels`,
      });
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []));
  }
  return body;
}

function parse(schema: z.ZodType, value: unknown, what: string): unknown {
  const parsed = schema.safeParse(value ?? {});
  if (parsed.success) return parsed.data;
  const problem = parsed.error.issues
    .slice(0, 5)
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
    .join('; ');
  throw new DomainError('PRN_REQUEST_INVALID', { what, problem });
}
