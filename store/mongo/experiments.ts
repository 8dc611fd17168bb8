/** Experiments, one document each, numbered as they come. */
import { DomainError } from '../../domain/errors.js';
import { DEFAULT_EXPERIMENT, Experiment } from '../../domain/tracking.js';
import type { ExperimentStore } from '../contracts/experiments.js';
import { type Database, isDuplicateKey, type StoredDocument } from './database.js';
import { fieldOf, readPairs, tagUpdate } from './run-documents.js';

/** Before the tags of one request come to it, which together take less than the rest of a document of MongoDB. */
const LARGEST_MIB = 3;

export function createExperimentStore(database: Database, { now }: { readonly now: () => number }): ExperimentStore {
  const experiments = database.collection('experiments');
  const nextId = async (): Promise<string> => {
    const counter = await database
      .collection('counters')
      .findOneAndUpdate({ _id: 'experiments' }, { $inc: { value: 1 } }, { upsert: true, returnDocument: 'after' });
    return String(counter?.['value']);
  };
  const taken = async (name: string): Promise<DomainError> => {
    const other = await experiments.findOne({ name });
    const { _id: experimentId, lifecycle } = other ?? { _id: '', lifecycle: '' };
    return new DomainError('PRN_EXPERIMENT_EXISTS', { name, experimentId, lifecycle: String(lifecycle) });
  };
  const write = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw isDuplicateKey(error) ? await taken(name) : error;
    }
  };

  const store: ExperimentStore = {
    async create({ name, tags }) {
      if ((await experiments.findOne({ name })) !== null) throw await taken(name);
      const document: StoredDocument = {
        _id: name === DEFAULT_EXPERIMENT.name ? DEFAULT_EXPERIMENT.experimentId : await nextId(),
        name,
        lifecycle: 'active',
        tags: Object.fromEntries(tags.map(({ key, value }) => [fieldOf(key), value])),
        createdTs: now(),
        updatedTs: now(),
      };
      await write(name, () => experiments.insertOne(document));
      return readExperiment(document);
    },
    async ensure(name) {
      const standing = await store.byName(name);
      if (standing !== null) return standing;
      return store.create({ name, tags: [] }).catch(async (error: unknown) => {
        const other = await store.byName(name);
        if (other === null) throw error;
        return other;
      });
    },
    async get(experimentId) {
      if (experimentId === DEFAULT_EXPERIMENT.experimentId) return store.ensure(DEFAULT_EXPERIMENT.name);
      const found = await experiments.findOne({ _id: experimentId });
      return found === null ? null : readExperiment(found);
    },
    async byName(name) {
      const found = await experiments.findOne({ name });
      return found === null ? null : readExperiment(found);
    },
    async list({ lifecycle, after, limit }) {
      const last = after === null ? null : await experiments.findOne({ _id: after });
      if (after !== null && last === null) throw new DomainError('PRN_RUN_PAGE_INVALID');
      const createdTs = last?.['createdTs'] as number | undefined;
      const behind = [{ createdTs: { $lt: createdTs } }, { createdTs, _id: { $lt: after ?? '' } }];
      const found = await experiments
        .find({ ...(lifecycle !== null && { lifecycle }), ...(last !== null && { $or: behind }) })
        .sort({ createdTs: -1, _id: -1 })
        .limit(limit)
        .toArray();
      return found.map(readExperiment);
    },
    async update(experimentId, { name, lifecycle, tags = [] }) {
      const tagged = tagUpdate(tags);
      const fields = { ...(name !== undefined && { name }), ...(lifecycle !== undefined && { lifecycle }) };
      const update = { ...tagged, $set: { ...tagged.$set, ...fields, updatedTs: now() } };
      const hasRoom = { $expr: { $lt: [{ $bsonSize: '$$ROOT' }, LARGEST_MIB * 2 ** 20] } };
      const changed = await write(name ?? '', () =>
        experiments.findOneAndUpdate(
          { _id: experimentId, ...(Object.keys(tagged.$set).length > 0 && hasRoom) },
          update,
          {
            returnDocument: 'after',
          },
        ),
      );
      if (changed === null && (await experiments.findOne({ _id: experimentId })) !== null)
        throw new DomainError('PRN_EXPERIMENT_FULL', { experiment: experimentId, mib: LARGEST_MIB });
      if (changed === null) throw new DomainError('PRN_EXPERIMENT_NOT_FOUND', { experiment: experimentId, hint: '' });
      return readExperiment(changed);
    },
  };
  return store;
}

function readExperiment({ _id: experimentId, tags, ...rest }: StoredDocument): Experiment {
  return Experiment.parse({ experimentId, ...rest, tags: readPairs(tags as Record<string, string>) });
}
