/** What every chapter of the story holds in its hands. */
import { createHash } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { ApiClient } from '../../cli/client.js';
import type { StackAddresses } from '../../cli/supervisor/stack-state.js';
import type { DemoConsole } from './console.js';
import type { FlightData } from './data.js';
import type { DemoOptions } from './options.js';

export const MODEL = 'flight-delay';
export const ENDPOINT = 'flight-delay';
export const VIEWS = ['origin-traffic', 'destination-traffic'] as const;

export interface World {
  readonly options: DemoOptions;
  readonly show: DemoConsole;
  readonly api: ApiClient;
  readonly temporal: Client;
  readonly addresses: StackAddresses;
  readonly servingUrl: string;
  readonly flights: FlightData;
  /** Differs between runs in one folder, so that a second run asks anew where that is meant. */
  readonly runId: string;
}

/** The same natural key gives the same id, so that a second run in a folder finds what the first one did. */
export function stableId(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('|')).digest('hex').slice(0, 20);
}

export function iso(micros: number): string {
  return new Date(micros / 1_000).toISOString();
}

export function day(micros: number): string {
  return iso(micros).slice(0, 10);
}
