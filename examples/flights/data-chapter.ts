/** Chapters of data: ingest a source, materialise the views. */
import { Ingestion, Materialization } from './wire.js';
import { iso, stableId, VIEWS, type World } from './world.js';

export interface IngestedSource {
  readonly accepted: number;
  readonly quarantined: number;
  readonly warnings: readonly string[];
  readonly unchanged: boolean;
}

export async function ingest({ api }: World, source: string): Promise<IngestedSource> {
  const ingestionId = stableId('ingest', source);
  await api.post('/v1/datasets/flights/ingestions', { source, ingestionId });
  const done = await api.poll(`/v1/ingestions/${ingestionId}`, (body) => {
    const ingestion = Ingestion.parse(body);
    return ingestion.state === 'running' ? undefined : ingestion;
  });
  if (done.state === 'refused' || done.state === 'failed')
    throw new Error(`${source} was ${done.state}: ${done.error?.message ?? done.warnings.join('; ')}`);
  return {
    accepted: done.accepted,
    quarantined: done.quarantined,
    warnings: done.warnings,
    unchanged: done.state === 'unchanged',
  };
}

/** Brings both views to a cut and waits until their rows are online. */
export async function materialize({ api }: World, through: number): Promise<void> {
  await Promise.all(
    VIEWS.map((view) =>
      api.post(`/v1/feature-views/${view}/materializations`, {
        through: iso(through),
        materializationId: stableId('materialize', view, String(through)),
      }),
    ),
  );
  for (const view of VIEWS) {
    await api.poll(`/v1/feature-views/${view}/materialization`, (body) =>
      (Materialization.parse(body).throughCut ?? 0) >= through ? true : undefined,
    );
  }
}
