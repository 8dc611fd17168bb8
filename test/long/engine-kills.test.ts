import { MongoClient } from 'mongodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SUPERVISION_TIMING } from '../../cli/supervisor/supervised-process.js';
import { type TestStack, killNow, startTestStack } from '../support/stack.js';

const KILLS = 8;
const WAIT = { timeout: 120_000, interval: 100 };

describe('a stack under repeated kills of its engines', () => {
  let stack: TestStack;

  beforeEach(async () => {
    stack = await startTestStack({
      services: [],
      timing: { ...SUPERVISION_TIMING, firstBackoffMs: 50, longestBackoffMs: 500 },
    });
  });

  afterEach(async () => {
    await stack.remove();
  });

  it('keeps every acknowledged document and comes back healthy each time', async () => {
    const client = await MongoClient.connect(stack.addresses.mongodbUri);
    const things = client.db('probe').collection('things');
    for (let kill = 1; kill <= KILLS; kill += 1) {
      await things.insertOne({ kill }, { writeConcern: { w: 'majority', j: true } });
      for (const { pid } of stack.processes()) killNow(pid);
      await expect.poll(() => stack.processes().map(({ restarts }) => restarts), WAIT).toEqual([kill, kill]);
      await expect.poll(() => stack.processes().map(({ status }) => status), WAIT).toEqual(['healthy', 'healthy']);
    }
    expect(await things.countDocuments()).toBe(KILLS);
    await client.close();
  });
});
