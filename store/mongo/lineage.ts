/** Lineage over the documents of datasets, materialisations and the registry: each step is one or two indexed reads. */
import type { Document } from 'mongodb';
import { followLineage, type LineageNode } from '../../domain/lineage.js';
import { quarantineAddressIn } from '../../domain/quarantine-release.js';
import type { LineageStore } from '../contracts/lineage.js';
import type { Database } from './database.js';

const MOST_NODES = 5_000;

export function createLineageStore(database: Database): LineageStore {
  const steps = { backward: backwardStep(database), forward: forwardStep(database) };
  return {
    async lineage(start, direction) {
      if (!(await exists(database, start))) return null;
      const { backward, forward } = steps;
      const chosen = direction === 'both' ? steps : direction === 'backward' ? { backward } : { forward };
      return followLineage(start, chosen, MOST_NODES);
    },
  };
}

function forwardStep(database: Database) {
  const { find } = reader(database);
  return async (node: LineageNode): Promise<LineageNode[]> => {
    switch (node.kind) {
      case 'source':
        return (await find('segments', madeOf(node.sha256))).map(segmentNode);
      case 'segment': {
        const { dataset, commitSeq } = node;
        const holding = { dataset, commitSeq: { $gte: commitSeq }, sinceSeq: { $not: { $gt: commitSeq } } };
        const cases = await find('quarantine_cases', { dataset, commitSeq });
        const versions = await find('dataset_versions', holding);
        return [...cases.flatMap(releaseNodes), ...versions.map(versionNode)];
      }
      case 'datasetVersion': {
        const { dataset, versionId } = node;
        const queries = await find('segments', { inputs: { $elemMatch: { dataset, versionId } } });
        const chunks = await find('materializations', { datasetVersionId: versionId });
        const runs = await find('model_versions', { 'lineage.spine.versionId': versionId });
        return [...queries.map(segmentNode), ...chunks.map(chunkNode), ...runs.map(runNode)];
      }
      case 'chunk': {
        const [chunk] = await find('materializations', { view: node.view, chunkId: node.chunkId });
        const { view, viewRevision: revision, seq } = chunk ?? {};
        const read = { $elemMatch: { view, revision, throughSeq: { $gte: seq } } };
        return (await find('model_versions', { 'lineage.views': read })).map(runNode);
      }
      case 'run':
        return (await find('model_versions', { 'lineage.pipelineId': node.pipelineId })).map(modelNode);
      case 'modelVersion':
        return [];
    }
  };
}

function backwardStep(database: Database) {
  const { find } = reader(database);
  return async (node: LineageNode): Promise<LineageNode[]> => {
    switch (node.kind) {
      case 'source':
        return [];
      case 'segment': {
        const [segment] = await find('segments', { dataset: node.dataset, commitSeq: node.commitSeq });
        if (segment === undefined) return [];
        const caseId = quarantineAddressIn(String(segment['sourceUri']))?.caseId;
        const cases = caseId === undefined ? [] : await find('quarantine_cases', { _id: caseId });
        return [...inputNodes(segment), ...cases.map(segmentNode), ...sourceNodes(segment)];
      }
      case 'datasetVersion': {
        const { dataset, versionId } = node;
        const [version] = await find('dataset_versions', { dataset, versionId });
        const held = { $gte: Number(version?.['sinceSeq'] ?? 1), $lte: Number(version?.['commitSeq'] ?? 0) };
        return (await find('segments', { dataset, commitSeq: held })).map(segmentNode);
      }
      case 'chunk': {
        const [chunk] = await find('materializations', { view: node.view, chunkId: node.chunkId });
        const versionId = String(chunk?.['datasetVersionId']);
        return (await find('dataset_versions', { versionId })).map(versionNode);
      }
      case 'run':
        return runInputs(database, node.pipelineId);
      case 'modelVersion': {
        const found = await find('model_versions', { model: node.model, version: node.version });
        return found.map(runNode);
      }
    }
  };
}

/** The spine's version, and the chunks that each view had when the run began. */
async function runInputs(database: Database, pipelineId: string): Promise<LineageNode[]> {
  const { find } = reader(database);
  const [made] = await find('model_versions', { 'lineage.pipelineId': pipelineId });
  if (made === undefined) return [];
  const { spine, views } = made['lineage'] as { spine: Document; views: Document[] };
  const nodes: LineageNode[] = [versionNode(spine)];
  for (const { view, revision, throughSeq } of views) {
    const read = { view, viewRevision: revision, seq: { $lte: throughSeq } };
    nodes.push(...(await find('materializations', read)).map(chunkNode));
  }
  return nodes;
}

async function exists(database: Database, node: LineageNode): Promise<boolean> {
  const { find } = reader(database);
  const { kind, ...key } = node;
  const filters: Record<LineageNode['kind'], readonly [collection: string, filter: Document]> = {
    source: ['segments', node.kind === 'source' ? madeOf(node.sha256) : {}],
    segment: ['segments', key],
    datasetVersion: ['dataset_versions', key],
    chunk: ['materializations', key],
    run: ['model_versions', node.kind === 'run' ? { 'lineage.pipelineId': node.pipelineId } : {}],
    modelVersion: ['model_versions', key],
  };
  return (await find(...filters[kind])).length > 0;
}

function reader({ collection }: Database) {
  const find = (name: string, filter: Document): Promise<Document[]> =>
    collection(name)
      .find(filter, { limit: MOST_NODES, sort: { _id: 1 } })
      .toArray();
  return { find };
}

/** Segments of before files were listed one by one have the digest of their only file. */
function madeOf(sha256: string): Document {
  return { $or: [{ 'files.sha256': sha256 }, { sourceSha256: sha256 }] };
}

function segmentNode({ dataset, segmentId, commitSeq }: Document): LineageNode {
  return { kind: 'segment', dataset: String(dataset), segmentId: String(segmentId), commitSeq: Number(commitSeq) };
}

function versionNode({ dataset, versionId }: Document): LineageNode {
  return { kind: 'datasetVersion', dataset: String(dataset), versionId: String(versionId) };
}

/** Segments whose rows came back from the quarantine of a case. */
function releaseNodes({ dataset, releases }: Document): LineageNode[] {
  return (releases as Document[]).map((release) => segmentNode({ ...release, dataset }));
}

function chunkNode({ view, chunkId }: Document): LineageNode {
  return { kind: 'chunk', view: String(view), chunkId: String(chunkId) };
}

function runNode({ lineage }: Document): LineageNode {
  return { kind: 'run', pipelineId: String((lineage as Document)['pipelineId']) };
}

function modelNode({ model, version }: Document): LineageNode {
  return { kind: 'modelVersion', model: String(model), version: Number(version) };
}

function inputNodes({ inputs = [] }: Document): LineageNode[] {
  return (inputs as Document[]).map(versionNode);
}

/** The files of a query's result are nobody's bytes: its past are its inputs. */
function sourceNodes({ inputs = [], files = [], sourceSha256 }: Document): LineageNode[] {
  if ((inputs as Document[]).length > 0) return [];
  const digests = (files as Document[]).map(({ sha256 }) => String(sha256));
  const all = digests.length === 0 ? [String(sourceSha256)] : digests;
  return [...new Set(all)].map((sha256) => ({ kind: 'source', sha256 }));
}
