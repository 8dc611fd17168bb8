import { describe, expect, it } from 'vitest';
import { RetrainingSpec } from '../../domain/model.js';
import { admitRequest, RetrainingRequest } from '../../domain/retraining.js';
import { MICROS_PER_DAY as DAY } from '../../domain/time.js';

const policy = RetrainingSpec.parse({ on: ['alert'], cooldown: '14d', maxPerMonth: 2 });
const request = (changes: object = {}): RetrainingRequest =>
  RetrainingRequest.parse({
    requestId: 'r1',
    reason: 'calibration',
    source: 'alert',
    requestedBy: 'monitor:c',
    notBefore: null,
    asOf: null,
    ...changes,
  });
const admit = (changes: { request?: RetrainingRequest; startedAt?: number[]; now?: number; paused?: boolean } = {}) =>
  admitRequest({ request: request(), policy, startedAt: [], now: 100 * DAY, paused: false, ...changes });

describe('admitRequest', () => {
  it('admits when nothing speaks against it', () => {
    expect(admit()).toEqual({ admitted: true });
  });

  it('waits for the labels it was told to wait for', () => {
    expect(admit({ request: request({ notBefore: 107 * DAY }) })).toEqual({
      admitted: false,
      because: 'not_yet',
      until: 107 * DAY,
    });
  });

  it('waits for the cooldown after the last start', () => {
    expect(admit({ startedAt: [90 * DAY] })).toEqual({ admitted: false, because: 'cooldown', until: 104 * DAY });
    expect(admit({ startedAt: [86 * DAY] })).toEqual({ admitted: true });
  });

  it('waits until the month has room', () => {
    expect(admit({ startedAt: [75 * DAY, 80 * DAY] })).toEqual({
      admitted: false,
      because: 'budget',
      until: 105 * DAY,
    });
  });

  it('lets people train through cooldown and budget, but not through a pause', () => {
    const manual = request({ source: 'manual' });
    expect(admit({ request: manual, startedAt: [99 * DAY, 99 * DAY] })).toEqual({ admitted: true });
    expect(admit({ request: manual, paused: true })).toEqual({ admitted: false, because: 'paused', until: null });
  });
});
