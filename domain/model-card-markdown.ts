/** The model card as Markdown: the tables, and under each the places its figures were taken from. */
import { escapeMarkdown, markdownTable } from './markdown.js';
import type { ModelCard } from './model-card.js';
import type { CardFigure, CardTable } from './model-card-table.js';

/** `title` names the version; `plotLink` gives the address of a plot, as seen from where the page will lie. */
export function renderCard(
  card: ModelCard,
  { title, plotLink }: { readonly title: string; readonly plotLink: (plot: string) => string },
): string {
  const verdict =
    card.outcome === 'passed' ? 'All gates passed.' : `Refused: ${card.reasons.map(escapeMarkdown).join('; ')}.`;
  const plots = Object.keys(card.plots).map((plot) => `![${plot}](${plotLink(plot)})`);
  const sources = Object.entries(card.sources).flatMap(([name, source]) =>
    source === undefined ? [] : [`- ${name}: artefact \`${source.sha256}\``],
  );
  return `${[
    `# ${escapeMarkdown(title)}`,
    `Task: ${card.task}. ${verdict}`,
    ...card.tables.map(tableText),
    ...(plots.length === 0 ? [] : ['## Plots', plots.join('\n')]),
    '## Sources',
    'Under each table stands, for every figure in order, the artefact and the path in it where it was taken from.',
    sources.join('\n'),
  ].join('\n\n')}\n`;
}

function tableText({ title, note, headings, rows }: CardTable): string {
  const table = markdownTable(
    headings,
    rows.map((row) => row.map(cellText)),
  );
  const places = rows.map((row) => {
    const figures = row.filter((cell) => typeof cell !== 'string');
    return `${escapeMarkdown(nameOf(row[0]))} [${figures.map(({ source, path }) => `${source}:${path}`).join(', ')}]`;
  });
  const found = `<details><summary>Where these stand</summary>\n\n${places.map((place) => `- ${place}`).join('\n')}\n\n</details>`;
  return [`## ${title}`, ...(note === '' ? [] : [escapeMarkdown(note)]), table, found].join('\n\n');
}

function nameOf(cell: string | CardFigure | undefined): string {
  return cell === undefined ? '' : typeof cell === 'string' ? cell : String(cell.value);
}

/** A cell of a card's table as Markdown. */
export function cellText(cell: string | CardFigure): string {
  if (typeof cell === 'string') return escapeMarkdown(cell);
  const { value, unit } = cell;
  if (value === null) return '–';
  if (typeof value === 'string') return escapeMarkdown(value);
  return unit === 'count' ? String(value) : String(Number(value.toPrecision(5)));
}
