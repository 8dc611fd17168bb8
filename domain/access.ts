/** Who may do what: roles in ascending power, and the actor that audit entries name. */
import { z } from 'zod';

export const Role = z.enum(['viewer', 'contributor', 'approver', 'operator', 'admin']);
export type Role = z.infer<typeof Role>;

/**
 * Actions by the roles that hold them. Contributors build, approvers decide, operators run; an admin may do everything.
 * `triage` is deciding about quarantined rows, where the dataset lists the role as well.
 */
const ALLOWED: Readonly<Record<Action, readonly Role[]>> = {
  read: ['viewer', 'contributor', 'approver', 'operator', 'admin'],
  contribute: ['contributor', 'operator', 'admin'],
  approve: ['approver', 'admin'],
  triage: ['contributor', 'approver', 'operator', 'admin'],
  operate: ['operator', 'admin'],
  administer: ['admin'],
};
export type Action = 'read' | 'contribute' | 'approve' | 'triage' | 'operate' | 'administer';

export function mayDo(role: Role, action: Action): boolean {
  return ALLOWED[action].includes(role);
}

/** The roles that hold an action, for the message of a refusal. */
export function rolesFor(action: Action): readonly Role[] {
  return ALLOWED[action];
}

export const Actor = z.strictObject({ name: z.string().min(1).max(100), role: Role });
export type Actor = z.infer<typeof Actor>;

export const ApiKeyRecord = z.strictObject({
  /** SHA-256 of the key; the key itself is shown once and never stored. */
  digest: z.string(),
  keyId: z.string(),
  name: z.string(),
  role: Role,
  createdTs: z.number().int(),
  revoked: z.boolean(),
});
export type ApiKeyRecord = z.infer<typeof ApiKeyRecord>;
