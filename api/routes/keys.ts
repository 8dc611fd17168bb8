/** API keys: list, create (shown once), revoke. */
import { z } from 'zod';
import { type ApiKeyRecord, Role } from '../../domain/access.js';
import { DomainError } from '../../domain/errors.js';
import type { ApiDependencies } from '../dependencies.js';
import { createKey } from '../auth.js';
import { listOf } from '../paging.js';
import { CreatedKeyAnswer, KeyAnswer } from '../responses.js';
import { param, type Route, route } from '../route.js';

const OWN_NAMES = ['pipeline', 'drift-watch', 'lifecycle', 'rollout'];
/** Stands in the audit record and in tables, so no line breaks or control characters, and no name of our own processes. */
const PersonName = z
  .string()
  .max(100)
  .regex(
    /^[\p{L}\p{N}]+(?:[ ._@+-][\p{L}\p{N}]+)*$/u,
    'expected letters and digits, joined by single . _ @ + - or blanks',
  )
  .refine((name) => !OWN_NAMES.includes(name), `is one of ${OWN_NAMES.join(', ')}, which act for themselves`);
const CreateBody = z
  .strictObject({ name: PersonName, role: Role })
  .meta({ examples: [{ name: 'mira', role: 'approver' }] });

export function keyRoutes({ stores, now }: ApiDependencies): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/keys',
      summary: 'API keys without their secrets',
      action: 'administer',
      response: listOf(KeyAnswer),
      handle: async () => ({ body: { items: (await stores.keys.keys()).map(withoutDigest) } }),
    }),
    route({
      method: 'post',
      path: '/v1/keys',
      summary: 'Create a key; it is shown only now',
      action: 'administer',
      status: 201,
      body: CreateBody,
      response: CreatedKeyAnswer,
      async handle({ body, actor }) {
        const { key, record } = await createKey(stores.keys, { ...body, by: actor.name, now: now() });
        return { body: withoutDigest(record), secret: { key } };
      },
    }),
    route({
      method: 'delete',
      path: '/v1/keys/:key',
      summary: 'Revoke a key',
      action: 'administer',
      response: z.strictObject({ keyId: z.string(), revoked: z.literal(true) }),
      async handle(call) {
        const keyId = param(call, 'key');
        if (!(await stores.keys.revokeKey(keyId, call.actor.name)))
          throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'key', name: keyId, hint: '' });
        return { body: { keyId, revoked: true as const } };
      },
    }),
  ];
}

function withoutDigest({ digest: _digest, ...record }: ApiKeyRecord): Omit<ApiKeyRecord, 'digest'> {
  return record;
}
