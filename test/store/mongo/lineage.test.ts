import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Segment } from '../../../domain/dataset.js';
import type { LineageNode } from '../../../domain/lineage.js';
import type { Stores } from '../../../store/contracts/index.js';
import { type ComputeBench, newVersion, openComputeBench } from '../../activities/compute-fixture.js';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const [FIRST, SECOND, OTHER] = ['first', 'second', 'other'].map(digest) as [string, string, string];
const TABLE = { uri: `artifact://sha256/${FIRST}`, sha256: FIRST, bytes: 1, mediaType: 'application/json' };

/** flights (2 files) → late (a query) → chunk of view → run → model; prices is replaced. */
describe('lineage', () => {
  let bench: ComputeBench;
  let stores: Stores;
  /** Version ids by dataset and commit. */
  let versions: Record<string, string>;

  beforeEach(async () => {
    bench = await openComputeBench();
    stores = bench.stores;
    versions = {};
    await commit(['flights', 'a'], { files: [{ uri: '/a.csv', sha256: FIRST, bytes: 1 }] });
    await commit(['flights', 'b'], { files: [{ uri: '/b.csv', sha256: SECOND, bytes: 1 }] });
    const inputs = [{ dataset: 'flights', versionId: versions['flights2'] ?? '', commitSeq: 2 }];
    await commit(['late', 'q'], { inputs, sourceSha256: digest('query') }, true);
    await commit(['prices', 'p'], { files: [{ uri: '/p.csv', sha256: OTHER, bytes: 1 }] }, true);
    await commit(['prices', 'r'], { files: [{ uri: '/r.csv', sha256: SECOND, bytes: 1 }] }, true);
    await chunk('early', versions['late1'] ?? '');
    await chunk('tardy', versions['late1'] ?? '');
    const { lineage, ...rest } = await newVersion(bench, 'one');
    const spine = { dataset: 'flights', versionId: versions['flights1'] ?? '', commitSeq: 1 };
    const views = [{ view: 'late-view', revision: 1, throughSeq: 1, datasetVersionId: versions['late1'] ?? '' }];
    await stores.registry.registerVersion({ ...rest, lineage: { ...lineage, pipelineId: 'run-1', spine, views } });
  });

  afterEach(async () => {
    await bench.close();
  });

  async function commit(
    [dataset, segmentId]: [string, string],
    changes: Partial<Segment>,
    replaces = false,
  ): Promise<void> {
    const base = { segmentId, dataset, sourceUri: '/x', sourceSha256: changes.files?.[0]?.sha256 ?? FIRST };
    const times = { minEventTs: 1, maxEventTs: 2, minKnownTs: 1, maxKnownTs: 2 };
    const tables = { table: TABLE, quarantineTable: null, brokenRules: [], report: TABLE, profile: TABLE };
    const rows = {
      accepted: 1,
      quarantined: 0,
      knowledge: 'observed' as const,
      inputs: [],
      files: [],
      highWater: null,
    };
    const segment = { ...base, ...times, ...tables, ...rows, ...changes };
    const about = { revision: 1, actor: 'test', now: 1_000, ingestionId: `${dataset}-${segmentId}`, replaces };
    const { version } = await stores.datasets.commitSegment({ segment, ...about });
    versions[`${dataset}${version.commitSeq}`] = version.versionId;
  }

  async function chunk(chunkId: string, datasetVersionId: string): Promise<void> {
    const cuts = { fromCut: 1, toCut: 2, rows: 1, table: TABLE };
    const origin = { view: 'late-view', chunkId, datasetVersionId, commitSeq: 1, viewRevision: 1 };
    await stores.features.commitChunk({ ...origin, ...cuts });
  }

  /** Ids with the versions' digests replaced by their numbers. */
  async function follow(start: LineageNode, direction: 'forward' | 'backward' | 'both') {
    const graph = await stores.lineage.lineage(start, direction);
    if (graph === null) return null;
    const short = (id: string): string =>
      Object.entries(versions).reduce((text, [name, versionId]) => text.replace(versionId, name), id);
    const edges = graph.edges.map(({ from, to }) => `${short(from)} > ${short(to)}`);
    return { nodes: graph.nodes.map(({ id }) => short(id)).sort(), edges: edges.sort(), truncated: graph.truncated };
  }

  it('leads from a file to every version, chunk, run and model that came of it', async () => {
    const graph = await follow({ kind: 'source', sha256: FIRST }, 'forward');
    expect(graph?.edges).toEqual(
      [
        `source/${FIRST} > segment/flights/a/1`,
        'segment/flights/a/1 > dataset/flights/flights1',
        'segment/flights/a/1 > dataset/flights/flights2',
        'dataset/flights/flights1 > run/run-1',
        'dataset/flights/flights2 > segment/late/q/1',
        'segment/late/q/1 > dataset/late/late1',
        'dataset/late/late1 > chunk/late-view/early',
        'dataset/late/late1 > chunk/late-view/tardy',
        'chunk/late-view/early > run/run-1',
        'run/run-1 > model/flight-delay/1',
      ].sort(),
    );
    expect(graph?.truncated).toBe(false);
  });

  it('leads from a model back to the bytes it learned from, and to no others', async () => {
    const graph = await follow({ kind: 'modelVersion', model: 'flight-delay', version: 1 }, 'backward');
    expect(graph?.nodes).toEqual(
      [
        'model/flight-delay/1',
        'run/run-1',
        'dataset/flights/flights1',
        'dataset/flights/flights2',
        'chunk/late-view/early',
        'dataset/late/late1',
        'segment/late/q/1',
        'segment/flights/a/1',
        'segment/flights/b/2',
        `source/${FIRST}`,
        `source/${SECOND}`,
      ].sort(),
    );
  });

  it('does not carry replaced rows on', async () => {
    expect((await follow({ kind: 'source', sha256: OTHER }, 'forward'))?.nodes).toEqual([
      'dataset/prices/prices1',
      'segment/prices/p/1',
      `source/${OTHER}`,
    ]);
    const versionId = versions['prices2'] ?? '';
    const past = await follow({ kind: 'datasetVersion', dataset: 'prices', versionId }, 'backward');
    expect(past?.nodes).toEqual(['dataset/prices/prices2', 'segment/prices/r/2', `source/${SECOND}`]);
  });

  it('shows both ways at once, and knows nothing of what does not exist', async () => {
    const both = await follow({ kind: 'chunk', view: 'late-view', chunkId: 'tardy' }, 'both');
    expect(both?.nodes).toContain(`source/${SECOND}`);
    expect(both?.nodes).not.toContain('run/run-1');
    expect((await follow({ kind: 'run', pipelineId: 'run-1' }, 'both'))?.nodes).toContain('model/flight-delay/1');
    expect(await follow({ kind: 'source', sha256: digest('nothing') }, 'both')).toBeNull();
    expect(await follow({ kind: 'modelVersion', model: 'flight-delay', version: 9 }, 'both')).toBeNull();
  });
});
