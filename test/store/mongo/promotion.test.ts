import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unjudgedEvidence } from '../../../domain/evaluation.js';
import type { ArtifactRef } from '../../../domain/artifact.js';
import { openFileArtifacts } from '../../../store/artifacts/file.js';
import { sha256Hex } from '../../../store/contracts/digests.js';
import type { PromotionRequest } from '../../../store/contracts/endpoints.js';
import type { Stores } from '../../../store/contracts/index.js';
import type { NewModelVersion } from '../../../store/contracts/registry.js';
import { type Database, openDatabase } from '../../../store/mongo/database.js';
import { createStores } from '../../../store/mongo/stores.js';
import { openTestDatabase, type TestDatabase } from '../../support/mongo.js';

const ref: ArtifactRef = {
  uri: `artifact://sha256/${'0'.repeat(64)}`,
  sha256: '0'.repeat(64),
  bytes: 1,
  mediaType: 'application/json',
};

function candidate(requestId: string, bundleDigest = 'digest'): NewModelVersion {
  const times = { trainFrom: 0, trainTo: 0, holdoutFrom: 0, holdoutTo: 0, asOf: 0 };
  return {
    model: 'm',
    requestId,
    bundle: {
      bundleVersion: 2,
      model: 'm',
      task: 'binary',
      classes: [],
      graphs: [ref],
      request: [],
      eventTime: 'ts',
      views: [],
      plan: {
        inputs: [{ name: 'x', datatype: 'FP32', nullable: true, source: { kind: 'request', column: 'x' } }],
        features: [{ name: 'x', expression: 'x' }],
        encodings: [],
      },
      decisionThreshold: 0.5,
      goldenRows: ref,
      referenceProfile: ref,
    },
    bundleDigest,
    evidence: { ...unjudgedEvidence('binary', ref), holdoutDigest: 'rows' },
    evidenceDigest: 'evidence',
    lineage: {
      pipelineId: 'p',
      requestId,
      trigger: 'manual',
      modelRevision: 1,
      spine: { dataset: 'd', versionId: 'v', commitSeq: 1 },
      views: [],
      trainingDatasetDigest: '',
      trainRows: 1,
      holdoutRows: 1,
      ...times,
      knowledge: 'declared',
      seed: 1,
      parameters: {},
    },
    createdTs: 1,
    createdBy: 'test',
  };
}

describe('versions and promotions', () => {
  let test: TestDatabase;
  let database: Database;
  let stores: Stores;
  let folder: string;
  let strike: string | null;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
    test = await openTestDatabase();
    database = await openDatabase({ uri: test.uri, database: test.name });
    strike = null;
    let clock = 1_000;
    stores = createStores(database, {
      artifacts: openFileArtifacts(folder),
      now: () => (clock += 1),
      sha256Hex,
      failpoint: (name) => (name === strike ? Promise.reject(new Error(`struck at ${name}`)) : Promise.resolve()),
    });
    await stores.endpoints.ensure('e', 'wall');
  });

  afterEach(async () => {
    await database.close();
    await test.drop();
    await rm(folder, { recursive: true, force: true });
  });

  const stage = async (requestId: string): Promise<number> => {
    const { version } = await stores.registry.registerVersion(candidate(requestId));
    await stores.registry.setStage({ model: 'm', version, from: 'none', to: 'staging', actor: 'test', reason: 'test' });
    return version;
  };
  const request = async (version: number, requestId: string, workflowId = 'w'): Promise<PromotionRequest> => {
    const { controller } = await stores.endpoints.acquire('e', workflowId);
    const head = await stores.registry.head('m');
    return {
      requestId,
      endpoint: 'e',
      model: 'm',
      version,
      expectedChampion: head?.champion ?? null,
      expectedAliasRevision: head?.aliasRevision ?? 0,
      controller,
      shadow: [],
      reason: 'rollout',
      actor: 'test',
      at: 5_000 + version,
    };
  };
  const count = (collection: string, filter: object = {}): Promise<number> =>
    database.collection(collection).countDocuments(filter);
  const codeOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => 'done',
      (error: unknown) => (error as { code?: string }).code ?? String(error),
    );

  it('numbers forty concurrent registrations 1 to 40 without a gap', async () => {
    const registered = await Promise.all(
      Array.from({ length: 40 }, (_unused, index) => stores.registry.registerVersion(candidate(`r${index}`))),
    );
    expect(registered.map(({ version }) => version).sort((left, right) => left - right)).toEqual(
      Array.from({ length: 40 }, (_unused, index) => index + 1),
    );
  });

  it('counts the attempts on a holdout, each once, and marks it as used up by the first promotion', async () => {
    const use = (attemptId: string, digest = 'rows', from = 0) =>
      stores.registry.useHoldout({ model: 'm', digest, attemptId, span: { from, to: from + 14 } });
    expect(await use('p1')).toMatchObject({ attempt: 1, promotedVersion: null });
    expect(await use('p2')).toMatchObject({ attempt: 2, promotedVersion: null });
    expect(await use('p1')).toMatchObject({ attempt: 1, promotedVersion: null });

    const version = await stage('r1');
    await stores.endpoints.promote(await request(version, 'promotion-1'));
    // The promoted version was made by pipeline p, whose own evaluation may be repeated.
    expect(await use('p')).toMatchObject({ attempt: 3, promotedVersion: null });
    expect(await use('p3')).toMatchObject({ attempt: 4, promotedVersion: version });
    // The next day: other rows, and 13 of 14 days in common with p, p1, p2 and p3.
    expect(await use('p5', 'other rows', 1)).toEqual({
      attempt: 1,
      promotedVersion: null,
      overlap: { attempts: 4, promotions: 1, share: 13 / 14 },
    });
    expect(await use('p6', 'later rows', 14)).toMatchObject({ overlap: { attempts: 1, promotions: 0, share: 1 / 14 } });

    const second = await stage('r2');
    await stores.endpoints.promote(await request(second, 'promotion-2'));
    expect(await use('p4')).toMatchObject({ attempt: 5, promotedVersion: version });
  });

  it('makes one version of a repeated request, and refuses it with other content', async () => {
    await stores.registry.registerVersion(candidate('same'));
    expect((await stores.registry.registerVersion(candidate('same'))).version).toBe(1);
    expect(await codeOf(stores.registry.registerVersion(candidate('same', 'other')))).toBe(
      'PRN_REGISTRY_VERSION_CONFLICT',
    );
    expect((await stores.registry.registerVersion(candidate('next'))).version).toBe(2);
  });

  it('promotes once per request: one history row, one audit entry, one event', async () => {
    const promotion = await request(await stage('a'), 'promote-a');
    const [first, second] = [await stores.endpoints.promote(promotion), await stores.endpoints.promote(promotion)];
    expect(second.entry).toEqual(first.entry);
    expect([
      await count('alias_history'),
      await count('audit_log', { action: 'champion.changed' }),
      await count('outbox', { type: 'champion.changed' }),
    ]).toEqual([1, 1, 1]);
    expect((await stores.endpoints.get('e'))?.routes).toMatchObject({
      rev: first.routes.rev,
      routes: [{ version: 1, weight: 100 }],
    });
  });

  it('lets one of two concurrent promotions win and tells the other why it did not', async () => {
    const [one, two] = [await stage('a'), await stage('b')];
    const [left, right] = [await request(one, 'left'), await request(two, 'right')];
    const outcomes = await Promise.all([
      codeOf(stores.endpoints.promote(left)),
      codeOf(stores.endpoints.promote(right)),
    ]);
    expect(outcomes).toContain('done');
    expect(outcomes).toContain('PRN_REGISTRY_STALE_EVIDENCE');
    expect(await count('model_versions', { stage: 'production' })).toBe(1);
  });

  it('leaves nothing behind when it fails inside the transaction', async () => {
    const promotion = await request(await stage('a'), 'promote-a');
    strike = 'promote.inside';
    await expect(stores.endpoints.promote(promotion)).rejects.toThrow('struck at promote.inside');
    expect([
      await count('alias_history'),
      await count('model_versions', { stage: 'production' }),
      await count('outbox', { type: 'champion.changed' }),
    ]).toEqual([0, 0, 0]);
    strike = null;
    expect((await stores.endpoints.promote(promotion)).entry.version).toBe(1);
  });

  it('refuses a controller whose endpoint was taken over', async () => {
    const promotion = await request(await stage('a'), 'promote-a');
    await stores.endpoints.acquire('e', 'rollback', { preempt: true });
    expect(await codeOf(stores.endpoints.promote(promotion))).toBe('PRN_ENDPOINT_SUPERSEDED');
  });

  it('shows readers exactly one production version through thirty promotions', async () => {
    const staged = await Promise.all(Array.from({ length: 31 }, (_unused, index) => stage(`v${index}`)));
    // Each is promoted at a time made of its number.
    const versions = staged.toSorted((left, right) => left - right);
    await stores.endpoints.promote(await request(versions[0] ?? 1, 'p0'));
    const seen = new Set<number>();
    let reading = true;
    const reader = (async () => {
      while (reading) seen.add(await count('model_versions', { stage: 'production' }));
    })();
    for (const [index, version] of versions.slice(1).entries())
      await stores.endpoints.promote(await request(version, `p${index + 1}`));
    reading = false;
    await reader;
    expect([...seen]).toEqual([1]);
    expect(await stores.registry.championAt('m', 5_000 + (versions[3] ?? 0))).toMatchObject({ version: versions[3] });
    expect(await stores.audit.verify('model/m')).toMatchObject({ valid: true });
  });

  it('locates a changed audit entry', async () => {
    await stage('a');
    await database.collection('audit_log').updateOne({ _id: 'model/m:2' }, { $set: { actor: 'mallory' } });
    expect(await stores.audit.verify('model/m')).toEqual({ valid: false, seq: 2, problem: 'its content was changed' });
  });

  it('keeps the latest online row whatever the order of writes', async () => {
    const row = (eventTs: number, knownTs: number, seq: number) => ({
      key: '["ATL"]',
      values: { rate: eventTs + knownTs / 10 + seq / 100 },
      eventTs,
      knownTs,
      seq,
      deleted: false,
    });
    const rows = [row(1, 1, 1), row(2, 1, 1), row(2, 3, 1), row(2, 3, 2), row(1, 9, 9)];
    for (const order of [
      [0, 1, 2, 3, 4],
      [4, 3, 2, 1, 0],
      [3, 0, 4, 1, 2],
    ]) {
      const view = `view-${order.join('')}`;
      for (const index of order) await stores.features.upsertOnline(view, rows.slice(index, index + 1));
      expect((await stores.features.readOnline(view, ['["ATL"]', '["ORD"]'])).get('["ATL"]')).toEqual(rows[3]);
    }
  });
});
