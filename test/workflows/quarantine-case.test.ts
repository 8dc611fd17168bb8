import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workflowIds } from '../../domain/ids.js';
import type { QuarantineCase } from '../../domain/quarantine.js';
import { recordHistory } from '../support/histories.js';
import { keptDecision } from '../support/quarantine-decision.js';
import { openQuarantineWorld, type QuarantineWorld } from './quarantine-fixture.js';

const GOOD = ['1970-01-01T00:00:01Z,ATL,10', '1970-01-01T00:00:02Z,ORD,20'];
const TOO_EARLY = '1970-01-01T00:00:03Z,SEA,-500';
const NOWHERE = '1970-01-01T00:00:04Z,XXX,-600';
const UNTYPED = '1970-01-01T00:00:05Z,DEN,many';

describe('a quarantine case', () => {
  let world: QuarantineWorld;
  let datasets = 0;

  beforeAll(async () => {
    world = await openQuarantineWorld();
  });
  afterAll(() => world.close());

  const open = async (bad: readonly string[], policy: object = {}): Promise<QuarantineCase> => {
    datasets += 1;
    await world.declare(`flights-${datasets}`, policy);
    return world.ingest(`flights-${datasets}`, [...GOOD, ...bad]);
  };
  const decide = (caseId: string, body: object, role: 'approver' | 'contributor' = 'approver') =>
    world.api.call('post', `/v1/quarantine/${caseId}/decisions`, { role, body });
  const decided = ({ state }: QuarantineCase): boolean => state !== 'open' && state !== 'applying';
  const history = (caseId: string, name: string) =>
    recordHistory(world.api.temporal.client, workflowIds.quarantineCase(caseId), `quarantineCase/${name}`);
  const decisions = async (caseId: string) => {
    const found = await world.api.dependencies.stores.quarantine.decisions(caseId);
    return found.map(({ decisionId, verdict, because }) => [decisionId, verdict, because]);
  };
  const events = async (caseId: string): Promise<string[]> => {
    const found = await world.api.test.db
      .collection('outbox')
      .find({ 'payload.caseId': caseId })
      .sort({ seq: 1 })
      .toArray();
    return found.map(({ type }) => String(type));
  };

  it('releases rows as a new version, known from its commit and not before; what cannot be typed stays', async () => {
    const { caseId, dataset, rules, commitSeq } = await open([TOO_EARLY, NOWHERE, UNTYPED]);
    expect(rules).toEqual(['delay-is-float', 'plausible', 'known-airport']);
    const before = await world.rows(dataset);
    expect(before.map(({ origin, knownTs }) => [origin, knownTs])).toEqual([
      ['ATL', 2_000_000],
      ['ORD', 3_000_000],
    ]);
    const asked = Date.now() * 1_000;
    const { body } = await decide(caseId, { action: 'release', reason: 'really early', decisionId: 'first' });
    expect(body).toMatchObject({ actor: 'approver', role: 'approver', verdict: 'pending', signalled: true });
    const after = await world.until(caseId, ({ released }) => released === 2);
    expect(after).toMatchObject({ state: 'open', remaining: 1, discarded: 0, fixed: 0, applying: null, problem: null });
    const rows = await world.rows(dataset);
    const [release] = after.releases;
    expect(release).toMatchObject({ decisionId: 'first', commitSeq: commitSeq + 1, rows: 2 });
    const version = await world.api.dependencies.stores.datasets.version(dataset, release?.versionId ?? '');
    expect(version?.knownTs).toBeGreaterThanOrEqual(asked);
    const back = rows.filter((row) => row.commitSeq === release?.commitSeq);
    expect(back.map(({ origin, delay, knownTs }) => [origin, delay, knownTs])).toEqual([
      ['SEA', -500, version?.knownTs],
      ['XXX', -600, version?.knownTs],
    ]);
    // The version of before is as it was.
    expect(rows.filter((row) => row.commitSeq === commitSeq)).toEqual(before);

    const left = await world.api.call('get', `/v1/quarantine/${caseId}/rows`, { role: 'viewer' });
    expect(left.body['items']).toEqual([
      {
        sourceRow: 5,
        sourceFile: expect.stringMatching(/^upload:/) as string,
        fileRow: 5,
        raw: '{"ts":"1970-01-01T00:00:05Z","origin":"DEN","delay":"many"}',
        failedRules: ['delay-is-float'],
      },
    ]);
    await decide(caseId, { action: 'release', reason: 'try again', decisionId: 'second' });
    const failed = await world.until(caseId, ({ problem }) => problem !== null);
    expect(failed.problem).toContain('no row of the source can be accepted');
    await decide(caseId, { action: 'discard', reason: 'not a number', decisionId: 'third' });
    expect(await world.until(caseId, decided)).toMatchObject({
      state: 'released',
      released: 2,
      discarded: 1,
      remaining: 0,
    });
    expect(await decisions(caseId)).toEqual([
      ['first', 'applied', null],
      ['second', 'failed', expect.stringContaining('no row of the source can be accepted')],
      ['third', 'applied', null],
    ]);
    expect(await events(caseId)).toEqual([
      'quarantine.opened',
      'quarantine.settled',
      'quarantine.failed',
      'quarantine.settled',
    ]);
    await history(caseId, 'release');
  });

  it('leaves out only the rules that a release names, and only for the rows that it names', async () => {
    const { caseId, dataset } = await open([TOO_EARLY, NOWHERE, '1970-01-01T00:00:06Z,JFK,-700']);
    await decide(caseId, { action: 'release', rules: ['plausible'], rows: [3, 4], decisionId: 'some' });
    await world.until(caseId, ({ released }) => released === 1);
    expect((await world.rows(dataset)).map(({ origin }) => origin)).toEqual(['ATL', 'ORD', 'SEA']);
    // Row 4 fails another rule as well; row 5 was not meant.
    const { body } = await world.api.call('get', `/v1/quarantine/${caseId}/rows`);
    expect((body['items'] as { sourceRow: number }[]).map(({ sourceRow }) => sourceRow)).toEqual([4, 5]);
    await decide(caseId, { action: 'discard', reason: 'nobody knows', rules: ['plausible'], decisionId: 'rest' });
    expect(await world.until(caseId, ({ discarded }) => discarded === 1)).toMatchObject({
      state: 'open',
      remaining: 1,
    });
  });

  it('discards rows for good, with a reason', async () => {
    const { caseId, dataset } = await open([TOO_EARLY]);
    const refused = await decide(caseId, { action: 'discard' });
    expect([refused.status, refused.body.error?.message]).toEqual([
      400,
      'Invalid body: discarding rows needs a reason.',
    ]);
    await decide(caseId, { action: 'discard', reason: 'a test flight', decisionId: 'away' });
    expect(await world.until(caseId, decided)).toMatchObject({ state: 'discarded', discarded: 1, releases: [] });
    expect(await world.rows(dataset)).toHaveLength(2);
    const late = await decide(caseId, { action: 'release', reason: 'changed my mind' });
    expect([late.status, late.body.error?.code]).toEqual([409, 'PRN_QUARANTINE_CLOSED']);
    const { body } = await world.api.call('get', `/v1/audit?scope=dataset/${dataset}`);
    expect(body['items']).toMatchObject([
      {
        actor: 'approver',
        action: 'quarantine.settled',
        subject: caseId,
        details: { action: 'discard', discarded: 1 },
      },
      { actor: 'approver', action: 'quarantine.decided', details: { reason: 'a test flight', role: 'approver' } },
      { action: 'quarantine.opened' },
      { action: 'dataset.committed' },
      { actor: 'contributor', action: 'dataset.uploaded' },
    ]);
    await history(caseId, 'discard');
  });

  it('ingests corrected rows in the place of bad ones; those that are bad again make a case of their own', async () => {
    const { caseId, dataset } = await open([TOO_EARLY, UNTYPED]);
    const upload = await world.upload(dataset, ['1970-01-01T00:00:03Z,SEA,-50', '1970-01-01T00:00:05Z,DEN,-999']);
    const missing = await decide(caseId, { action: 'fix', upload: 'nothing' });
    expect(missing.body.error?.code).toBe('PRN_UPLOAD_NOT_FOUND');
    await decide(caseId, { action: 'fix', upload, reason: 'asked the airline', decisionId: 'fixed' });
    const after = await world.until(caseId, decided);
    expect(after).toMatchObject({ state: 'released', fixed: 2, released: 0, remaining: 0 });
    const back = (await world.rows(dataset)).filter(({ commitSeq }) => commitSeq === after.releases[0]?.commitSeq);
    expect(back.map(({ origin, delay }) => [origin, delay])).toEqual([['SEA', -50]]);
    expect(back[0]?.knownTs).toBeGreaterThan(after.openedTs);
    const [next] = await world.api.dependencies.stores.quarantine.cases({ dataset, open: true }, 10);
    expect(next).toMatchObject({ rows: 1, rules: ['plausible'], commitSeq: after.releases[0]?.commitSeq });
    const { body } = await world.api.call('get', `/v1/quarantine/${caseId}`);
    expect(body['decisions']).toMatchObject([{ actor: 'approver', action: 'fix', upload, verdict: 'applied' }]);
    await history(caseId, 'fix');
  });

  it('a fix of rows that the case does not have was ingested all the same', async () => {
    const { caseId, dataset } = await open([TOO_EARLY]);
    const upload = await world.upload(dataset, ['1970-01-01T00:00:09Z,SEA,-50']);
    await decide(caseId, { action: 'fix', upload, rows: [77], decisionId: 'elsewhere' });
    const after = await world.until(caseId, ({ problem }) => problem !== null);
    expect(after).toMatchObject({ state: 'open', fixed: 0, remaining: 1, releases: [] });
    expect(after.problem).toContain('the case has none of these rows');
    expect(await world.rows(dataset)).toHaveLength(2);
    expect(await decisions(caseId)).toMatchObject([['elsewhere', 'failed', expect.any(String)]]);
  });

  it('a decision id that came again with other rows was taken for the first decision', async () => {
    const { caseId } = await open([TOO_EARLY, NOWHERE]);
    const about = { action: 'discard', reason: 'a test flight', decisionId: 'again' };
    expect((await decide(caseId, { ...about, rows: [3] })).status).toBe(201);
    expect((await decide(caseId, { ...about, rows: [3] })).status).toBe(201);
    const other = await decide(caseId, { ...about, rows: [4] });
    expect([other.status, other.body.error?.message]).toEqual([
      400,
      'Invalid body: decisionId again stands already with rows 3; choose another id.',
    ]);
    expect(await world.until(caseId, ({ discarded }) => discarded > 0)).toMatchObject({ remaining: 1, discarded: 1 });
  });

  it('counts signals only with proof, ignores garbage and repeats, and says what did not count', async () => {
    const { caseId } = await open([TOO_EARLY]);
    await world.signal(caseId, 'garbage');
    await world.signal(caseId, { action: 'release' });
    await world.signal(caseId, { decisionId: 'bare', action: 'release', actor: 'mallory' });
    await world.signal(caseId, { decisionId: 'forged', action: 'release', actor: 'admin', token: 'x'.repeat(32) });
    const issued = await world.api.call('post', `/v1/quarantine/${caseId}/tokens`, { role: 'operator' });
    const { name, body, workflowId } = issued.body['signal'] as { name: string; body: object; workflowId: string };
    expect([name, workflowId]).toEqual(['decideQuarantine', workflowIds.quarantineCase(caseId)]);
    const proven = { ...body, decisionId: 'proven' };
    await world.signal(caseId, proven);
    await world.signal(caseId, { ...proven, decisionId: 'spent' });
    await world.signal(caseId, proven);
    await world.until(caseId, decided);
    const unproven = 'its sender is not proven and the dataset does not allow that';
    // A spent token proves nothing; what comes behind the last row finds the case closed.
    expect(await decisions(caseId)).toEqual([
      ['bare', 'ignored', unproven],
      ['forged', 'ignored', unproven],
      ['proven', 'applied', null],
    ]);
    const { ignored } = await world.status(caseId);
    expect(ignored).toEqual([`mallory (release): ${unproven}`, `admin (release): ${unproven}`]);
    const contributor = await decide((await open([TOO_EARLY])).caseId, { action: 'release' }, 'contributor');
    expect([contributor.status, contributor.body.error?.code]).toEqual([403, 'PRN_AUTH_FORBIDDEN']);
    await history(caseId, 'signals');
  });

  it('counts a bare signal where the dataset allows that', async () => {
    const { caseId } = await open([TOO_EARLY], { allowUnauthenticated: true });
    await world.signal(caseId, { decisionId: 'bare', action: 'release', actor: 'me' });
    const after = await world.until(caseId, decided);
    expect(after.state).toBe('released');
    expect(await world.api.dependencies.stores.quarantine.decision(caseId, 'bare')).toMatchObject({
      actor: 'me',
      authenticated: false,
      channel: 'signal',
      verdict: 'applied',
    });
  });

  it('reminds, escalates once, and goes on waiting; a restarted worker finds decisions that nobody told it', async () => {
    const { caseId, dataset } = await open([TOO_EARLY], { remindEvery: '1s', escalateAfter: '2s' });
    const raised = await world.until(caseId, ({ reminders, escalatedTs }) => reminders >= 3 && escalatedTs !== null);
    expect(raised).toMatchObject({ severity: 'page', state: 'open' });
    const seen = await events(caseId);
    expect(seen.filter((type) => type === 'quarantine.escalated')).toHaveLength(1);
    expect(seen.filter((type) => type === 'quarantine.reminded').length).toBeGreaterThanOrEqual(3);
    await world.stop();
    const { quarantine } = world.api.dependencies.stores;
    await quarantine.insertDecision(keptDecision({ decisionId: 'untold', caseId, at: Date.now() * 1_000 }));
    await world.start();
    expect(await world.until(caseId, decided)).toMatchObject({ state: 'released', released: 1 });
    expect(await world.rows(dataset)).toHaveLength(3);
    await history(caseId, 'reminded');
  });

  it('continues as new without losing a decision', async () => {
    const { caseId, dataset } = await open([TOO_EARLY, NOWHERE], { remindEvery: '1s' });
    const { client } = world.api.temporal;
    await client.workflow.getHandle(workflowIds.quarantineCase(caseId)).terminate('the test starts its own');
    const handle = await client.workflow.start('quarantineCase', {
      workflowId: workflowIds.quarantineCase(caseId),
      taskQueue: 'orchestration',
      args: [{ caseId, dataset, timing: 'test', maxHistoryLength: 40 }],
    });
    const firstRun = handle.firstExecutionRunId;
    for (let row = 0; row < 6; row += 1) await world.signal(caseId, { decisionId: `noise-${row}`, action: 'release' });
    await decide(caseId, { action: 'release', rows: [3], decisionId: 'one' });
    await world.until(caseId, ({ released }) => released === 1);
    for (let tries = 0; tries < 200; tries += 1) {
      if ((await client.workflow.getHandle(workflowIds.quarantineCase(caseId)).describe()).runId !== firstRun) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect((await client.workflow.getHandle(workflowIds.quarantineCase(caseId)).describe()).runId).not.toBe(firstRun);
    await decide(caseId, { action: 'release', rows: [4], decisionId: 'other' });
    expect(await world.until(caseId, decided)).toMatchObject({ state: 'released', released: 2 });
  });

  it('is superseded when the rows of its version are replaced as a whole', async () => {
    await world.declare('prices', {}, { mode: 'replace' });
    const first = await world.ingest('prices', [...GOOD, TOO_EARLY]);
    const second = await world.ingest('prices', [...GOOD, NOWHERE]);
    expect(await world.until(first.caseId, decided)).toMatchObject({ state: 'superseded', remaining: 1 });
    // Rows that come back join the version that stands; they do not replace it.
    await decide(second.caseId, { action: 'release', decisionId: 'join' });
    await world.until(second.caseId, decided);
    expect((await world.rows('prices')).map(({ origin }) => origin)).toEqual(['ATL', 'ORD', 'XXX']);
  });
});
