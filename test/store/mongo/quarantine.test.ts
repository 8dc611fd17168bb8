import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { QuarantineCase } from '../../../domain/quarantine.js';
import { quarantineEffect } from '../../../domain/quarantine-effect.js';
import { quarantineAddress } from '../../../domain/quarantine-release.js';
import type { Stores } from '../../../store/contracts/index.js';
import { type ComputeBench, newVersion, openComputeBench } from '../../activities/compute-fixture.js';
import { keptDecision } from '../../support/quarantine-decision.js';

const DIGEST = createHash('sha256').update('rows').digest('hex');
const TABLE = { uri: `artifact://sha256/${DIGEST}`, sha256: DIGEST, bytes: 1, mediaType: 'application/json' };

describe('quarantine cases in the store', () => {
  let bench: ComputeBench;
  let stores: Stores;

  beforeEach(async () => {
    bench = await openComputeBench();
    stores = bench.stores;
  });
  afterEach(() => bench.close());

  async function commit(segmentId: string, sourceUri: string, quarantined: number) {
    const facts = { segmentId, dataset: 'flights', sourceUri, sourceSha256: DIGEST, files: [], inputs: [] };
    const times = { minEventTs: 1, maxEventTs: 2, minKnownTs: 1, maxKnownTs: 2 };
    const quarantineTable = quarantined > 0 ? TABLE : null;
    const tables = { table: TABLE, quarantineTable, brokenRules: ['plausible'], report: TABLE, profile: TABLE };
    const rows = { accepted: 1, quarantined, knowledge: 'observed', highWater: null } as const;
    const about = { revision: 1, actor: 'test', now: 1_000, ingestionId: segmentId, replaces: false };
    const { version } = await stores.datasets.commitSegment({
      segment: { ...facts, ...times, ...tables, ...rows },
      ...about,
    });
    return version;
  }
  async function openedBy(commitSeq: number): Promise<QuarantineCase> {
    const found = await stores.quarantine.caseOfCommit('flights', commitSeq);
    if (found === null) throw new Error('no case');
    return found;
  }
  const decision = (caseId: string, decisionId: string) => keptDecision({ caseId, decisionId });
  async function train(requestId: string, { versionId, commitSeq }: { versionId: string; commitSeq: number }) {
    const { lineage, ...rest } = await newVersion(bench, requestId);
    const spine = { dataset: 'flights', versionId, commitSeq };
    await stores.registry.registerVersion({
      ...rest,
      lineage: { ...lineage, pipelineId: requestId, spine, views: [] },
    });
  }

  it('show which versions lack the rows and which have them since, by lineage both ways', async () => {
    const first = await commit('a', '/a.csv', 3);
    const { caseId } = await openedBy(1);
    await train('without', first);
    const back = await commit('b', quarantineAddress(caseId, 'd1'), 0);
    await train('with', back);
    await stores.quarantine.insertDecision(decision(caseId, 'd1'));
    await stores.quarantine.change(caseId, { kind: 'begin', decisionId: 'd1', at: 6 }, 'mira');
    const split = { selected: 3, remaining: 0, remainingTable: null };
    const release = { decisionId: 'd1', commitSeq: 2, versionId: back.versionId, segmentId: 'b', rows: 3 };
    const settle = { kind: 'settle', decisionId: 'd1', action: 'release', split, release, at: 7 } as const;
    const settled = await stores.quarantine.change(caseId, settle, 'mira');
    expect(settled).toMatchObject({ state: 'released', released: 3 });
    expect(await stores.quarantine.change(caseId, settle, 'mira')).toEqual(settled);

    const effect = await quarantineEffect(settled, (node) => stores.lineage.lineage(node, 'forward'));
    expect(effect).toEqual({
      lacking: {
        datasetVersions: [{ dataset: 'flights', versionId: first.versionId }],
        modelVersions: [{ model: 'flight-delay', version: 1 }],
      },
      gaining: {
        datasetVersions: [{ dataset: 'flights', versionId: back.versionId }],
        modelVersions: [{ model: 'flight-delay', version: 2 }],
      },
      truncated: false,
    });
    const past = await stores.lineage.lineage(
      { kind: 'segment', dataset: 'flights', segmentId: 'b', commitSeq: 2 },
      'backward',
    );
    expect(past?.nodes.map(({ id }) => id)).toContain('segment/flights/a/1');
    expect(await stores.audit.verify('dataset/flights')).toMatchObject({ valid: true });
  });

  it('keep a decision once in its case, and the same id in another', async () => {
    await commit('a', '/a.csv', 3);
    await commit('b', '/b.csv', 1);
    const [one, other] = [await openedBy(1), await openedBy(2)];
    await stores.quarantine.insertDecision(decision(one.caseId, 'd1'));
    const again = await stores.quarantine.insertDecision({ ...decision(one.caseId, 'd1'), actor: 'mallory' });
    expect(again.actor).toBe('mira');
    expect((await stores.quarantine.insertDecision({ ...decision(other.caseId, 'd1'), actor: 'jo' })).actor).toBe('jo');
    await stores.quarantine.ignoreDecision(decision(one.caseId, 'd1'), 'not now');
    expect(await stores.quarantine.decision(one.caseId, 'd1')).toMatchObject({
      verdict: 'ignored',
      because: 'not now',
    });
    expect(await stores.quarantine.decision(other.caseId, 'd1')).toMatchObject({ verdict: 'pending' });
    expect((await stores.quarantine.cases({ open: true }, 10)).map(({ caseId }) => caseId).sort()).toEqual(
      [one.caseId, other.caseId].sort(),
    );
    await expect(stores.quarantine.change('nothing', { kind: 'escalate', at: 1 }, 'test')).rejects.toMatchObject({
      code: 'PRN_QUARANTINE_NOT_FOUND',
    });
  });
});
