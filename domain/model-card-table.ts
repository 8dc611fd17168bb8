/** The parts of a model card: tables of figures, each with the place it was taken from. */
import { z } from 'zod';

/** The documents that figures are taken from. */
export const CardSource = z.enum(['evidence', 'snapshot', 'dataset', 'search']);
export type CardSource = z.infer<typeof CardSource>;

/**
 * A value and its place: a path of member names and positions into the JSON artefact of that source, parted by dots; no
 * name has a dot in it. A time is ISO 8601 here and microseconds there.
 */
export const CardFigure = z.strictObject({
  value: z.union([z.number(), z.string(), z.null()]),
  unit: z.enum(['number', 'count', 'time', 'text']),
  source: CardSource,
  path: z.string(),
});
export type CardFigure = z.infer<typeof CardFigure>;

export const CardTable = z.strictObject({
  title: z.string(),
  note: z.string(),
  headings: z.array(z.string()),
  rows: z.array(z.array(z.union([z.string(), CardFigure]))),
});
export type CardTable = z.infer<typeof CardTable>;

export type CardRow = CardTable['rows'][number];

/** A figure of the evidence. */
export function ofEvidence(path: string, value: CardFigure['value'], unit: CardFigure['unit'] = 'number'): CardFigure {
  return { value, unit, source: 'evidence', path: `evidence.${path}` };
}
