/** What a local training leaves in a folder: the bundle, the numbers, and the card with everything it was taken from. */
import { access, constants, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ArtifactRef } from '../../domain/artifact.js';
import { renderCard } from '../../domain/model-card-markdown.js';
import type { ArtifactStore } from '../../store/contracts/artifacts.js';
import { unwritable } from './output-file.js';
import { summaryOf, type TrainingSummary } from './training-summary.js';
import type { LocalTraining, TrainingArtifacts } from './training.js';

type Made = Omit<LocalTraining, 'data' | 'warnings' | 'files'>;

/** Throws `PRN_OUTPUT_UNWRITABLE`: nobody should train for an hour and then hear it. */
export async function requireWritable(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (error) {
    throw unwritable(error, folder);
  }
}

/** Returns the paths in the order in which they are written; the numbers come last. */
export async function writeTraining(
  folder: string,
  { artifacts, kept, made }: { artifacts: ArtifactStore; kept: TrainingArtifacts; made: Made },
): Promise<string[]> {
  const files: { readonly name: string; readonly content: ArtifactRef | string }[] = [
    ...bundleFiles(made),
    { name: 'evidence.json', content: kept.evaluated },
    { name: 'snapshot.json', content: kept.snapshot },
    { name: 'training-dataset.json', content: kept.dataset },
    ...(made.trained.search === undefined ? [] : [{ name: 'search.json', content: made.trained.search.report }]),
    { name: 'details.json', content: made.evaluated.evidence.details },
    ...Object.entries(made.card.plots).map(([plot, content]) => ({ name: plotPath(plot), content })),
    { name: 'card.json', content: textOf(made.card) },
    { name: 'card.md', content: renderCard(made.card, { title: `Model ${made.card.model}`, plotLink: plotPath }) },
    { name: 'metrics.json', content: textOf(summaryOf(made) satisfies TrainingSummary) },
  ];
  const paths: string[] = [];
  for (const { name, content } of files) {
    const path = join(folder, name);
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, typeof content === 'string' ? content : await artifacts.get(content));
    } catch (error) {
      throw unwritable(error, path);
    }
    paths.push(path);
  }
  return paths;
}

function bundleFiles({ trained: { bundle } }: Made): { name: string; content: ArtifactRef | string }[] {
  const { graphs, goldenRows, referenceProfile } = bundle;
  const graphName = (index: number): string => (graphs.length === 1 ? 'model.onnx' : `model-${index + 1}.onnx`);
  return [
    { name: 'bundle/bundle.json', content: textOf(bundle) },
    ...graphs.map((content, index) => ({ name: `bundle/${graphName(index)}`, content })),
    { name: 'bundle/golden-rows.json', content: goldenRows },
    { name: 'bundle/reference-profile.json', content: referenceProfile },
  ];
}

function plotPath(plot: string): string {
  return `plots/${plot}.svg`;
}

function textOf(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
