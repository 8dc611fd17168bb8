/** What an answer with online features says of itself to Prometheus: how much was found, and how old it was. */
import type { FeatureStatus } from '../domain/feature-view.js';
import { type OnlineFeaturesAnswer } from '../domain/online-features.js';
import type { ServingMetrics } from './metrics.js';

export function observeAnswer(
  { onlineLatency, onlineValues, featureAge }: ServingMetrics,
  { source, features, views }: OnlineFeaturesAnswer,
  latencyMs: number,
): void {
  onlineLatency.observe({ source }, latencyMs / 1_000);
  for (const [view, counts] of statusCounts(features))
    for (const [status, count] of counts) onlineValues.inc({ view, status }, count);
  // Of the past only what was found then is old; freshness is about now.
  if (source === 'history') return;
  for (const { view, ageMs } of views)
    for (const age of ageMs) if (age !== null) featureAge.observe({ view }, age / 1_000);
}

function statusCounts(features: OnlineFeaturesAnswer['features']): Map<string, Map<FeatureStatus, number>> {
  const byView = new Map<string, Map<FeatureStatus, number>>();
  for (const { from, statuses } of features) {
    if (!('view' in from)) continue;
    const counts = byView.get(from.view) ?? new Map<FeatureStatus, number>();
    byView.set(from.view, counts);
    for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  return byView;
}
