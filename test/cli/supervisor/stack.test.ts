import { rm } from 'node:fs/promises';
import { MongoClient } from 'mongodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isPortFree } from '../../../cli/supervisor/ports.js';
import { type Stack, startStack } from '../../../cli/supervisor/stack.js';
import { readStackState } from '../../../cli/supervisor/stack-state.js';
import { temporaryFolder } from '../../support/stack.js';

describe('a stack of both engines', () => {
  let dataDir: string;
  const stacks: Stack[] = [];
  const start = async (events: string[] = []): Promise<Stack> => {
    const stack = await startStack({
      dataDir,
      services: [],
      ports: 'free',
      webUi: false,
      onEvent: ({ source, message }) => events.push(`${source} ${message}`),
    });
    stacks.push(stack);
    return stack;
  };

  beforeEach(async () => {
    dataDir = await temporaryFolder();
  });

  afterEach(async () => {
    for (const stack of stacks.splice(0)) await stack.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('keeps documents over a restart on other ports', async () => {
    const first = await start();
    await writeDocument(first.addresses.mongodbUri);
    await first.stop();
    const second = await start();
    expect(second.addresses.mongodbUri).not.toBe(first.addresses.mongodbUri);
    expect(await countDocuments(second.addresses.mongodbUri)).toBe(1);
  });

  it('writes a state file, refuses a second stack in the folder, stops Temporal before MongoDB and frees everything', async () => {
    const events: string[] = [];
    const stack = await start(events);
    const state = readStackState(dataDir);
    expect(state?.phase).toBe('running');
    expect(state?.addresses).toEqual(stack.addresses);
    expect(state?.processes.map(({ name, status }) => [name, status])).toEqual([
      ['mongod', 'healthy'],
      ['temporal', 'healthy'],
    ]);

    await expect(start()).rejects.toMatchObject({ code: 'PRN_DATA_FOLDER_IN_USE' });
    expect(readStackState(dataDir)?.phase).toBe('running');

    await stack.stop();
    expect(events.slice(-2)).toEqual(['temporal stopped', 'mongod stopped']);
    expect(readStackState(dataDir)?.phase).toBe('stopped');
    expect(await isPortFree(Number(stateOf(stack, 'mongod').address.split(':')[1]))).toBe(true);
  });
});

describe('a stack that cannot start', () => {
  it('names the used port, the process and the option', async () => {
    const dataDir = await temporaryFolder();
    const busy = await startStack({ dataDir, services: [], ports: 'free', webUi: false });
    const other = await temporaryFolder();
    try {
      const port = Number(busy.addresses.temporalAddress.split(':')[1]);
      const refused = startStack({ dataDir: other, services: [], ports: 'free', fixedPorts: { temporal: port } });
      await expect(refused).rejects.toMatchObject({
        code: 'PRN_PORT_IN_USE',
        details: { port, process: 'Temporal', option: '--temporal-port' },
      });
      expect(readStackState(other)).toMatchObject({ phase: 'failed', problem: expect.stringContaining(String(port)) });
    } finally {
      await busy.stop();
      await rm(dataDir, { recursive: true, force: true });
      await rm(other, { recursive: true, force: true });
    }
  });

  it('says which engine in the environment does not answer', async () => {
    const dataDir = await temporaryFolder();
    try {
      const env = { MONGODB_URI: 'mongodb://127.0.0.1:1/?directConnection=true', TEMPORAL_ADDRESS: '127.0.0.1:1' };
      await expect(startStack({ dataDir, services: [], ports: 'free', env })).rejects.toMatchObject({
        code: 'PRN_UNAVAILABLE',
        details: { what: 'mongod (address in MONGODB_URI)' },
      });
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});

function stateOf(stack: Stack, name: string): ReturnType<Stack['processes']>[number] {
  const state = stack.processes().find((process) => process.name === name);
  if (state === undefined) throw new Error(`${name} is not part of the stack`);
  return state;
}

async function writeDocument(uri: string): Promise<void> {
  const client = await MongoClient.connect(uri);
  await client
    .db('probe')
    .collection('things')
    .insertOne({ name: 'kept' }, { writeConcern: { w: 'majority', j: true } });
  await client.close();
}

async function countDocuments(uri: string): Promise<number> {
  const client = await MongoClient.connect(uri);
  const count = await client.db('probe').collection('things').countDocuments();
  await client.close();
  return count;
}
