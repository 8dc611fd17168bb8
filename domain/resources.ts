/** Declared documents: their kinds, envelopes and schemas. Parsing with helpful errors lives in `resource-errors.ts`. */
import { z } from 'zod';
import { DatasetSpec } from './dataset.js';
import { EndpointSpec } from './endpoint.js';
import { EntitySpec, FeatureViewSpec } from './feature-view.js';
import { ModelSpec } from './model.js';
import { MonitorSpec } from './monitors.js';
import { Name } from './names.js';

export const API_VERSION = 'perennial/v1';

export const Metadata = z.strictObject({
  name: Name,
  owner: z.string().max(200).optional(),
  description: z.string().max(2000).optional(),
  labels: z.record(z.string(), z.string()).optional(),
});
export type Metadata = z.infer<typeof Metadata>;

function resourceOf<K extends string, S extends z.ZodType>(kind: K, spec: S) {
  return z.strictObject({ apiVersion: z.literal(API_VERSION), kind: z.literal(kind), metadata: Metadata, spec });
}

export const DatasetResource = resourceOf('Dataset', DatasetSpec);
export const EntityResource = resourceOf('Entity', EntitySpec);
export const FeatureViewResource = resourceOf('FeatureView', FeatureViewSpec);
export const ModelResource = resourceOf('Model', ModelSpec);
export const EndpointResource = resourceOf('Endpoint', EndpointSpec);
export const MonitorResource = resourceOf('Monitor', MonitorSpec);

export const Resource = z.discriminatedUnion('kind', [
  DatasetResource,
  EntityResource,
  FeatureViewResource,
  ModelResource,
  EndpointResource,
  MonitorResource,
]);
export type Resource = z.infer<typeof Resource>;
export type ResourceKind = Resource['kind'];
export type ResourceOf<K extends ResourceKind> = Extract<Resource, { kind: K }>;

/** Kinds in the order in which they can be applied: each refers only to earlier ones. */
export const RESOURCE_KINDS = [
  'Dataset',
  'Entity',
  'FeatureView',
  'Endpoint',
  'Model',
  'Monitor',
] as const satisfies readonly ResourceKind[];
