/** A feature view computed once more, under another name and undisturbed, to compare with. */
import { MongoClient } from 'mongodb';
import type { SmallWorld } from './small-world.js';

/** What a view left: checksums of its chunks in the order of their times, and its online rows. */
export interface ViewContent {
  readonly chunks: readonly {
    readonly from: number;
    readonly to: number;
    readonly rows: number;
    readonly checksum: string;
  }[];
  readonly online: readonly unknown[];
}

/** Declares the view again as `<view>-twin`, materialises it up to where the first is, and reads both. */
export async function materializedTwin(
  { api, stack }: Pick<SmallWorld, 'api' | 'stack'>,
  view: string,
): Promise<{ disturbed: ViewContent; twin: ViewContent }> {
  const twin = `${view}-twin`;
  const { resource } = (await api.get(`/v1/resources/FeatureView/${view}`)) as { resource: { metadata: object } };
  await api.put('/v1/resources', [{ ...resource, metadata: { ...resource.metadata, name: twin } }]);
  const { throughCut } = (await api.get(`/v1/feature-views/${view}/materialization`)) as { throughCut: string | null };
  await api.post(`/v1/feature-views/${twin}/materializations`, {
    materializationId: 'twin',
    ...(throughCut !== null && { through: throughCut }),
  });
  await api.poll(
    `/v1/feature-views/${twin}/materializations/twin`,
    (body) => {
      const { state, problem } = body as { state: string; problem: string | null };
      if (state === 'failed') throw new Error(`the twin failed: ${problem ?? ''}`);
      return state === 'completed' ? true : undefined;
    },
    { timeoutMs: 150_000, everyMs: 100 },
  );
  const client = await MongoClient.connect(stack.addresses.mongodbUri);
  try {
    const db = client.db(stack.addresses.database);
    const contentOf = async (name: string): Promise<ViewContent> => {
      const chunks = await db.collection('materializations').find({ view: name }).sort({ fromCut: 1 }).toArray();
      const online = await db.collection(`online_${name}`).find().sort({ _id: 1 }).toArray();
      return {
        chunks: chunks.map(({ fromCut, toCut, rows, checksum }) => ({
          from: Number(fromCut),
          to: Number(toCut),
          rows: Number(rows),
          checksum: String(checksum),
        })),
        online: online.map(({ rank: _rank, generation: _generation, ...row }) => row),
      };
    };
    return { disturbed: await contentOf(view), twin: await contentOf(twin) };
  } finally {
    await client.close();
  }
}
