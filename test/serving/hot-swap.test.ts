import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Serving } from '../../serving/server.js';
import {
  type Answer,
  ENDPOINT,
  openServingWorld,
  outputOf,
  post,
  requestOf,
  type ServingWorld,
  until,
  untilRev,
} from './serving-fixture.js';

const SWAPS = 50;

let world: ServingWorld;
let serving: Serving;

beforeEach(async () => {
  world = await openServingWorld();
  serving = await world.start();
});

afterEach(async () => {
  await world.close();
});

const infer = (rows = 1): Promise<Answer> =>
  post(`${serving.url}/v2/models/${ENDPOINT}/infer`, requestOf(Array.from({ length: rows }, () => ({}))));

describe('swapping versions', () => {
  it(`fails no request across ${SWAPS} swaps under load, and every answer is of the version it names`, async () => {
    const versions = [await world.addVersion({ base: -2 }), await world.addVersion({ base: 2 })];
    const [first = 0, second = 0] = versions;
    await untilRev(world.stores, serving, await world.route([{ version: first, weight: 100 }]));
    let swapping = true;
    const seen: { status: number; version: unknown; isHigh: boolean }[] = [];
    const caller = async (rows: number): Promise<void> => {
      while (swapping) {
        const answer = await infer(rows);
        const [probability = 0] = answer.status === 200 ? outputOf(answer, 'probability') : [];
        seen.push({ status: answer.status, version: answer.body.model_version, isHigh: Number(probability) > 0.5 });
      }
    };
    const callers = [1, 1, 1, 40, 600].map(caller);
    for (let swap = 0; swap < SWAPS; swap += 1) {
      const rev = await world.route([{ version: swap % 2 === 0 ? second : first, weight: 100 }]);
      await until(
        () => infer(),
        ({ body }) => (body.parameters?.route_rev ?? 0) >= rev,
      );
    }
    swapping = false;
    await Promise.all(callers);

    expect(seen.filter(({ status }) => status !== 200)).toEqual([]);
    expect(seen.filter(({ version, isHigh }) => (version === String(second)) !== isHigh)).toEqual([]);
    expect(new Set(seen.map(({ version }) => version))).toEqual(new Set([String(first), String(second)]));
    expect(world.problems).toEqual([]);
  });

  it('goes on with the old routes while a routed version cannot be loaded, and takes the next good ones', async () => {
    const good = await world.addVersion({ base: -2 });
    const broken = await world.addVersion({ base: 0, graphBytes: Uint8Array.of(1, 2, 3) });
    const better = await world.addVersion({ base: 2 });
    await untilRev(world.stores, serving, await world.route([{ version: good, weight: 100 }]));
    await world.route([{ version: broken, weight: 100 }]);
    await until(
      () => world.problems.length,
      (problems) => problems > 0,
    );
    expect((await infer()).body.model_version).toBe(String(good));
    await untilRev(world.stores, serving, await world.route([{ version: better, weight: 100 }]));
    expect((await infer()).body.model_version).toBe(String(better));
    expect(world.problems[0]).toMatchObject({
      what: `routes of ${ENDPOINT}`,
      error: { code: 'PRN_ONNX_INVALID' },
    });
  });

  it('moves traffic although a staged and a shadow version are broken', async () => {
    const good = await world.addVersion({ base: -2 });
    const broken = await world.addVersion({ base: 0, graphBytes: Uint8Array.of(1, 2, 3) });
    const better = await world.addVersion({ base: 2 });
    await untilRev(world.stores, serving, await world.route([{ version: good, weight: 100 }]));
    await world.stage(broken);
    await untilRev(world.stores, serving, await world.route([{ version: better, weight: 100 }], { shadow: [broken] }));
    expect((await infer()).body.model_version).toBe(String(better));
    expect((await fetch(`${serving.url}/v2/models/${ENDPOINT}/versions/${broken}/ready`)).status).toBe(404);
  });

  it('serves a staged version by number until it is taken off', async () => {
    const good = await world.addVersion({ base: -2 });
    const candidate = await world.addVersion({ base: 2 });
    await untilRev(world.stores, serving, await world.route([{ version: good, weight: 100 }]));
    const statusOf = async (): Promise<number> =>
      (await fetch(`${serving.url}/v2/models/${ENDPOINT}/versions/${candidate}/ready`)).status;
    expect(await statusOf()).toBe(404);
    await world.stage(candidate);
    await until(statusOf, (status) => status === 200);
    await world.stage(candidate, false);
    await until(statusOf, (status) => status === 404);
  });
});
