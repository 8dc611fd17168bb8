/** A document as `perennial apply` reads it. */
export function documentOf(kind: string, name: string, spec: object) {
  return { apiVersion: 'perennial/v1', kind, metadata: { name }, spec };
}
