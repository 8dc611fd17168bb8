/** Output of commands: a table for people, JSON or YAML for programs. */
import { stringify } from 'yaml';

export type OutputFormat = 'table' | 'json' | 'yaml';
export type Row = Readonly<Record<string, unknown>>;

export interface Shape {
  /** Column heading → path into the row, such as `metrics.rocAuc`. */
  readonly columns: Readonly<Record<string, string>>;
  /** Headings that are left out where no row has them. */
  readonly optional?: readonly string[];
}

/**
 * Prints `{items: […]}` or a single document. Without a shape a table is shown as YAML. That a table is not the whole list
 * is said on standard error, so that what is piped on stays a table.
 */
export function print(body: unknown, format: OutputFormat, shape?: Shape): void {
  console.log(render(body, format, shape));
  const next = isRow(body) ? body['next'] : null;
  if (format === 'table' && (typeof next === 'string' || typeof next === 'number'))
    console.error(`There is more; the API gives the rest after ${next}.`);
}

export function render(body: unknown, format: OutputFormat, shape?: Shape): string {
  if (format === 'json') return JSON.stringify(body, null, 2);
  if (format === 'yaml' || shape === undefined) return stringify(body).trimEnd();
  const items = isRow(body) && Array.isArray(body['items']) ? body['items'].filter(isRow) : isRow(body) ? [body] : [];
  return renderTable(items, shape);
}

function renderTable(items: readonly Row[], { columns, optional = [] }: Shape): string {
  if (items.length === 0) return 'nothing there';
  const shown = Object.entries(columns).filter(
    ([heading, path]) => !optional.includes(heading) || items.some((row) => valueAt(row, path) !== undefined),
  );
  const headings = shown.map(([heading]) => heading);
  const lines = [headings, ...items.map((row) => shown.map(([_heading, path]) => cell(valueAt(row, path))))];
  const widths = headings.map((_heading, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((text, index) => text.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function valueAt(row: Row, path: string): unknown {
  return path.split('.').reduce<unknown>((value, part) => (isRow(value) ? value[part] : undefined), row);
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : value.toFixed(4);
  if (Array.isArray(value)) return value.map(cell).join(', ') || '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
