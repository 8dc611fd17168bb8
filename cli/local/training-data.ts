/** Which files a local training reads: of the spine, of the datasets of views, and of what queries are made of. */
import { DomainError } from '../../domain/errors.js';
import { type ModelSpec, viewUses } from '../../domain/model.js';
import { missingTable, type TableFile } from './dataset-tables.js';
import type { LocalResources } from './resources.js';

/** `--data FILE` or `--data NAME=FILE`. */
export interface DataFile {
  readonly dataset: string | null;
  readonly file: string;
}

/** The datasets that a model reads itself. */
export function datasetsOfModel(resources: LocalResources, spec: ModelSpec): string[] {
  const views = viewUses(spec).map(({ view }) => resources.require('FeatureView', view).spec.dataset);
  return [...new Set([spec.spine.dataset, ...views])];
}

/**
 * Each file with its dataset; one without a name is of the only dataset that needs a file. Throws `PRN_RESOURCE_NOT_FOUND`
 * for an unknown name, `PRN_DATASET_EMPTY` where a dataset has no file, and `PRN_REQUEST_INVALID` where it does not follow which file is which.
 */
export function assignFiles(
  resources: LocalResources,
  { model, wanted, data }: { model: string; wanted: readonly string[]; data: readonly DataFile[] },
): TableFile[] {
  const named = new Set(
    data.flatMap(({ dataset }) => (dataset === null ? [] : [resources.require('Dataset', dataset).metadata.name])),
  );
  const sources = [...new Set(wanted.flatMap((dataset) => sourcesOf(resources, dataset, named)))];
  const [only, another] = sources.filter((dataset) => !named.has(dataset));
  const tables = data.map(({ dataset, file }) => {
    if (dataset !== null) return { dataset, file };
    if (only === undefined || another !== undefined) throw ambiguous(file, { model, sources });
    return { dataset: only, file };
  });
  const given = tables.map(({ dataset }) => dataset);
  const missing = sources.find((dataset) => !given.includes(dataset));
  if (missing !== undefined) throw missingTable(missing, given, '--data');
  return tables;
}

/** A dataset with rows of its own is its source; a query has those of the datasets it reads, unless it is given itself. */
function sourcesOf(resources: LocalResources, dataset: string, named: ReadonlySet<string>): string[] {
  const { query } = resources.require('Dataset', dataset).spec;
  if (query === undefined || named.has(dataset)) return [dataset];
  return Object.values(query.from).flatMap((from) => sourcesOf(resources, from, named));
}

function ambiguous(file: string, { model, sources }: { model: string; sources: readonly string[] }): DomainError {
  const [first = 'NAME'] = sources;
  const problem =
    `model ${model} reads ${sources.join(', ')}, and it does not follow which of them ${file} holds; ` +
    `say it, such as --data ${first}=${file}`;
  return new DomainError('PRN_REQUEST_INVALID', { what: '--data', problem });
}
