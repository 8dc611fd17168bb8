/** The demo: starts the stack, lives through five months of flights, prints what happened, stays up. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readFile } from 'node:fs/promises';
import { Client, Connection } from '@temporalio/client';
import { createClient } from '../../cli/client.js';
import { startStack, type Stack } from '../../cli/supervisor/stack.js';
import { openConsole } from './console.js';
import { prepareFlights } from './data.js';
import { readOptions, USAGE } from './options.js';
import { tellStory } from './story.js';
import type { World } from './world.js';

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  const startedMs = Date.now();
  const show = openConsole(startedMs);
  const dataDir = resolve(options.dataDir);
  const landing = join(dataDir, 'landing', 'flights');
  mkdirSync(landing, { recursive: true });

  show.stage('Starting the stack');
  const interrupted = new AbortController();
  const onSignal = (): void => interrupted.abort(new Error('interrupted'));
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  const env = { PERENNIAL_SOURCES: join(dataDir, 'landing') };
  const stack = await startStack({
    dataDir,
    env,
    pythonTrainer: options.trainer !== null,
    signal: interrupted.signal,
    onEvent: ({ source, message }) => show.fact(`${source}: ${message}`),
  });
  try {
    const world = await openWorld({ options, show, stack, landing });
    const setupSeconds = Number(process.env['PERENNIAL_SETUP_SECONDS'] ?? 0);
    const stackSeconds = show.seconds();
    const result = await Promise.race([tellStory(world), untilAborted(interrupted.signal)]);
    if (result === null) return 130;
    const seconds = { setup: setupSeconds, stack: stackSeconds, story: show.seconds() - stackSeconds };
    if (options.jsonFile !== null)
      writeFileSync(options.jsonFile, `${JSON.stringify({ ...result, seconds }, null, 2)}\n`);
    await world.temporal.connection.close();
    world.flights.close();
    if (!options.exit) {
      show.stage('Up until you press Ctrl-C');
      await untilAborted(interrupted.signal);
    }
    return 0;
  } finally {
    show.stage('Stopping');
    await stack.stop();
  }
}

async function openWorld(parts: {
  options: World['options'];
  show: World['show'];
  stack: Stack;
  landing: string;
}): Promise<World> {
  const { options, show, stack, landing } = parts;
  const { apiUrl, servingUrl, temporalAddress, temporalNamespace, adminKeyFile } = stack.addresses;
  if (apiUrl === null || servingUrl === null) throw new Error('the stack has no API or serving process');
  const key = (await readFile(adminKeyFile, 'utf8')).trim();
  show.stage('Cutting the flights into history, arrivals and departures');
  const flights = await prepareFlights(landing);
  const connection = await Connection.connect({ address: temporalAddress });
  return {
    options,
    show,
    flights,
    servingUrl,
    addresses: stack.addresses,
    api: createClient({ baseUrl: apiUrl, key }),
    temporal: new Client({ connection, namespace: temporalNamespace }),
    runId: new Date().toISOString(),
  };
}

function untilAborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null);
    else signal.addEventListener('abort', () => resolve(null), { once: true });
  });
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? (error.stack ?? error.message) : error);
    console.error(USAGE);
    process.exit(1);
  },
);
