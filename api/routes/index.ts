/** All routes of the control plane. Deliberate index: the application and the OpenAPI document read the same list. */
import type { ApiDependencies } from '../dependencies.js';
import type { Route } from '../route.js';
import { alertRoutes } from './alerts.js';
import { approvalRoutes } from './approvals.js';
import { auditRoutes } from './audit.js';
import { datasetRoutes } from './datasets.js';
import { endpointRoutes } from './endpoints.js';
import { historicalRoutes } from './historical.js';
import { featureRoutes } from './features.js';
import { keyRoutes } from './keys.js';
import { lineageRoutes } from './lineage.js';
import { modelRoutes } from './models.js';
import { pipelineRoutes } from './pipelines.js';
import { quarantineRoutes } from './quarantine.js';
import { registryRoutes } from './registry.js';
import { resourceRoutes } from './resources.js';
import { rolloutRoutes } from './rollouts.js';
import { runFileRoutes } from './run-files.js';
import { uploadRoutes } from './uploads.js';
import { windowRoutes } from './windows.js';

export function allRoutes(dependencies: ApiDependencies): Route[] {
  return [
    ...resourceRoutes(dependencies),
    ...datasetRoutes(dependencies),
    ...uploadRoutes(dependencies),
    ...quarantineRoutes(dependencies),
    ...featureRoutes(dependencies),
    ...historicalRoutes(dependencies),
    ...lineageRoutes(dependencies),
    ...runFileRoutes(dependencies),
    ...modelRoutes(dependencies),
    ...registryRoutes(dependencies),
    ...pipelineRoutes(dependencies),
    ...approvalRoutes(dependencies),
    ...endpointRoutes(dependencies),
    ...windowRoutes(dependencies),
    ...rolloutRoutes(dependencies),
    ...alertRoutes(dependencies),
    ...auditRoutes(dependencies),
    ...keyRoutes(dependencies),
  ];
}
