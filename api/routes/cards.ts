/** The card of a version: figures with their sources as JSON, the same as Markdown, and plots as SVG. */
import { z } from 'zod';
import { MEDIA_TYPES } from '../../domain/artifact.js';
import { DomainError } from '../../domain/errors.js';
import { PlotName } from '../../domain/evaluation-details.js';
import { ModelCard } from '../../domain/model-card.js';
import { renderCard } from '../../domain/model-card-markdown.js';
import type { ModelVersion } from '../../domain/registry.js';
import { getJson } from '../../store/contracts/json-artifacts.js';
import type { ApiDependencies } from '../dependencies.js';
import { param, type Route, route } from '../route.js';
import { requireVersion } from './registry.js';

export function cardRoutes(dependencies: ApiDependencies): Route[] {
  const { artifacts } = dependencies.stores;
  return [
    route({
      method: 'get',
      path: '/v1/models/:model/versions/:version/card',
      summary: 'The card of a version: what it is and how good it is, every figure with its source',
      action: 'read',
      response: ModelCard,
      handle: async (call) => ({ body: await readCard(dependencies, await requireVersion(dependencies, call.params)) }),
    }),
    route({
      method: 'get',
      path: '/v1/models/:model/versions/:version/card/markdown',
      summary: 'The same card as Markdown',
      action: 'read',
      response: z.unknown(),
      sends: MEDIA_TYPES.markdown,
      async handle(call) {
        const found = await requireVersion(dependencies, call.params);
        const { model, version } = found;
        const text = renderCard(await readCard(dependencies, found), {
          title: `${model}, version ${version}`,
          plotLink: (plot) => `/v1/models/${model}/versions/${version}/plots/${plot}`,
        });
        return { body: null, text: { text, mediaType: MEDIA_TYPES.markdown, name: `${model}-${version}.md` } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/models/:model/versions/:version/plots/:plot',
      summary: `One plot of a version's evaluation: ${PlotName.options.join(', ')}`,
      action: 'read',
      response: z.unknown(),
      sends: MEDIA_TYPES.svg,
      async handle(call) {
        const { model, version, evidence } = await requireVersion(dependencies, call.params);
        const plot = PlotName.safeParse(param(call, 'plot'));
        const ref = plot.success ? evidence.plots[plot.data] : undefined;
        if (ref !== undefined) {
          const { mediaType, sha256: etag } = ref;
          const name = `${model}-${version}-${plot.data}.svg`;
          return { body: null, file: { path: await artifacts.localPath(ref), mediaType, name, etag } };
        }
        const hint = `; this version has ${Object.keys(evidence.plots).join(', ') || 'none'}`;
        throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'plot', name: param(call, 'plot'), hint });
      },
    }),
  ];
}

async function readCard({ stores }: ApiDependencies, { model, version, card }: ModelVersion): Promise<ModelCard> {
  if (card === undefined) {
    const hint = '; only versions that were trained here have one';
    throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'model card', name: `${model}/${version}`, hint });
  }
  return getJson(stores.artifacts, card, ModelCard);
}
