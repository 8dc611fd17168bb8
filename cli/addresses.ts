/** Where the local stack answers, for people. */
import type { StackAddresses } from './supervisor/stack-state.js';

/** One indented line an address; those that this stack lacks are left out. */
export function renderAddresses(addresses: StackAddresses): string {
  const lines: readonly (readonly [string, string | null])[] = [
    ['API', addresses.apiUrl],
    ['API documentation', addresses.apiUrl === null ? null : `${addresses.apiUrl}/docs`],
    ['Serving', addresses.servingUrl],
    ['Temporal Web UI', addresses.webUiUrl],
    ['Temporal', addresses.temporalAddress],
    ['MongoDB', addresses.mongodbUri],
    ['Admin key', addresses.adminKeyFile],
  ];
  return lines.flatMap(([name, value]) => (value === null ? [] : [`  ${name.padEnd(18)} ${value}`])).join('\n');
}
