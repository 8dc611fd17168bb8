/** What is logged to a run, and its history. */
import { z } from 'zod';
import {
  BATCH_LIMITS,
  DatasetInput,
  MetricEntry,
  PRODUCT_TAG_PREFIX,
  readMetricValue,
  RunInfo,
  TRACKING_LIMITS,
  TrackingKey,
} from '../../domain/tracking.js';
import type { RunBatch } from '../../store/contracts/runs.js';
import type { ApiDependencies } from '../dependencies.js';
import { pageOf, PageQuery } from '../paging.js';
import { param, type Route, route } from '../route.js';
import { Epoch, heldEpoch } from './run-lease.js';
import { MetricPointAnswer, requireRunInfo, showMetric } from './run-answers.js';

const TagKey = TrackingKey.refine(
  (key) => !key.startsWith(PRODUCT_TAG_PREFIX),
  `tags that begin with ${PRODUCT_TAG_PREFIX} are set by the installation alone`,
);

/** Tags that are set, or taken away by null. */
export const TagChanges = z
  .array(z.strictObject({ key: TagKey, value: z.string().max(TRACKING_LIMITS.tagValue).nullable() }))
  .max(BATCH_LIMITS.tags);

const MetricsBody = z
  .strictObject({
    metrics: z
      .array(MetricEntry.extend({ step: MetricEntry.shape.step.default(0), timestampMs: z.number().int().optional() }))
      .min(1)
      .max(BATCH_LIMITS.metrics),
    epoch: Epoch,
  })
  .meta({
    examples: [
      {
        metrics: [
          { key: 'loss', value: 0.31, step: 4 },
          { key: 'auc', value: 'NaN' },
        ],
      },
    ],
  });
const ParamsBody = z
  .strictObject({
    params: z
      .array(z.strictObject({ key: TrackingKey, value: z.string().max(TRACKING_LIMITS.paramValue) }))
      .min(1)
      .max(BATCH_LIMITS.params),
    epoch: Epoch,
  })
  .meta({ examples: [{ params: [{ key: 'depth', value: '6' }] }] });
const TagsBody = z.strictObject({ tags: TagChanges.min(1) }).meta({
  examples: [
    {
      tags: [
        { key: 'reviewed', value: 'yes' },
        { key: 'draft', value: null },
      ],
    },
  ],
});
const InputsBody = z
  .strictObject({
    inputs: z
      .array(
        DatasetInput.extend({
          schema: DatasetInput.shape.schema.default(null),
          profile: DatasetInput.shape.profile.default(null),
          tags: DatasetInput.shape.tags.default([]),
        }),
      )
      .min(1)
      .max(BATCH_LIMITS.datasets),
    epoch: Epoch,
  })
  .meta({
    examples: [
      {
        inputs: [
          {
            name: 'flights',
            digest: '3f2a',
            sourceType: 'local',
            source: '/data/flights.parquet',
            tags: [{ key: 'mlflow.data.context', value: 'training' }],
          },
        ],
      },
    ],
  });
const HistoryQuery = PageQuery.extend({
  key: TrackingKey.meta({ description: 'The metric' }),
  limit: z.coerce.number().int().min(1).max(25_000).default(1_000),
});

export function runRecordRoutes({ stores, now }: ApiDependencies): Route[] {
  const { runs } = stores;
  /** A route that logs one kind of thing. */
  const logs = <B extends z.ZodType>(
    name: string,
    about: { readonly summary: string; readonly body: B; readonly batch: (body: z.infer<B>) => RunBatch },
  ): Route =>
    route({
      method: 'post',
      path: `/v1/runs/:run/${name}`,
      summary: about.summary,
      action: 'contribute',
      body: about.body,
      response: RunInfo,
      async handle(call) {
        const epoch = await heldEpoch(runs, { ...call, body: call.body as { epoch?: number } });
        return { body: await runs.log(param(call, 'run'), about.batch(call.body), epoch) };
      },
    });

  return [
    logs('metrics', {
      summary: 'Log points; those that are there already are left out',
      body: MetricsBody,
      batch: ({ metrics }) => ({
        metrics: metrics.map(({ value, timestampMs = Math.floor(now() / 1_000), ...point }) => ({
          ...point,
          timestampMs,
          value: readMetricValue(value),
        })),
      }),
    }),
    logs('params', {
      summary: 'Log parameters, each of which is written once',
      body: ParamsBody,
      batch: ({ params }) => ({ params }),
    }),
    logs('tags', {
      summary: 'Set tags, or take them away with null; anybody may, also where the run has a writer',
      body: TagsBody,
      batch: ({ tags }) => ({ tags }),
    }),
    logs('inputs', {
      summary: 'Say which datasets the run reads',
      body: InputsBody,
      batch: ({ inputs }) => ({ inputs }),
    }),
    route({
      method: 'get',
      path: '/v1/runs/:run/metrics',
      summary: 'The history of one metric, in the order of arrival',
      action: 'read',
      query: HistoryQuery,
      response: pageOf(MetricPointAnswer),
      async handle(call) {
        const { runId } = await requireRunInfo(runs, param(call, 'run'));
        const { key, limit, after } = call.query;
        const found = await runs.history(runId, key, { after: Number(after ?? 0) || 0, limit: limit + 1 });
        const items = found.slice(0, limit).map(showMetric);
        return { body: { items, next: found.length > limit ? String(items.at(-1)?.seq) : null } };
      },
    }),
  ];
}
