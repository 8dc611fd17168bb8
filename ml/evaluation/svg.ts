/** The few marks that plots are made of. Coordinates are rounded, so that the same data gives the same bytes. */
import type { Point } from '../../domain/evaluation-details.js';
import { escapeXml } from '../../domain/xml.js';

export const WIDTH = 420;
export const HEIGHT = 340;
const LEFT = 62;
const TOP = 34;
const INNER_WIDTH = WIDTH - LEFT - 18;
const INNER_HEIGHT = HEIGHT - TOP - 52;
const INK = '#1f3a5f';
const FAINT = '#b8c0cc';
const TICKS = 5;

export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface Frame {
  readonly x: Range;
  readonly y: Range;
}

/** The whole document around some marks. */
export function svg(title: string, body: string): string {
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" font-family="sans-serif" font-size="11">` +
    `<title>${escapeXml(title)}</title><rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>` +
    `<text x="${LEFT}" y="20" font-size="13" fill="${INK}">${escapeXml(title)}</text>${body}</svg>\n`
  );
}

export function axes({ x, y }: Frame, [xName, yName]: [string, string]): string {
  const marks = Array.from({ length: TICKS + 1 }, (_unused, tick) => tick / TICKS).map((share) => {
    const atX = LEFT + share * INNER_WIDTH;
    const atY = TOP + (1 - share) * INNER_HEIGHT;
    return (
      text({ x: atX, y: TOP + INNER_HEIGHT + 16 }, valueAt(x, share), 'middle') +
      text({ x: LEFT - 6, y: atY + 4 }, valueAt(y, share), 'end') +
      `<path d="M${round(LEFT)} ${round(atY)}h${INNER_WIDTH}" stroke="#edf0f3"/>`
    );
  });
  return (
    `${marks.join('')}<rect x="${LEFT}" y="${TOP}" width="${INNER_WIDTH}" height="${INNER_HEIGHT}" fill="none" stroke="${FAINT}"/>` +
    text({ x: LEFT + INNER_WIDTH / 2, y: HEIGHT - 12 }, xName, 'middle') +
    `<g transform="translate(14 ${TOP + INNER_HEIGHT / 2}) rotate(-90)">${text({ x: 0, y: 0 }, yName, 'middle')}</g>`
  );
}

export function diagonal(): string {
  return `<path d="M${LEFT} ${TOP + INNER_HEIGHT}L${LEFT + INNER_WIDTH} ${TOP}" stroke="${FAINT}" stroke-dasharray="4 3"/>`;
}

export function line(frame: Frame, points: readonly Point[]): string {
  const path = points.map((point, position) => `${position === 0 ? 'M' : 'L'}${placed(frame, point)}`).join('');
  return `<path d="${path}" fill="none" stroke="${INK}" stroke-width="1.6"/>`;
}

export function dots(frame: Frame, points: readonly Point[]): string {
  const circles = points.map((point) => {
    const [x, y] = placed(frame, point).split(' ');
    return `<circle cx="${x}" cy="${y}" r="2"/>`;
  });
  return `<g fill="${INK}" fill-opacity="0.5">${circles.join('')}</g>`;
}

/** One bar a row, longest value over the whole width; values below zero are drawn as nothing. */
export function bars(rows: readonly { readonly name: string; readonly value: number }[]): string {
  const most = Math.max(...rows.map(({ value }) => value), Number.MIN_VALUE);
  const step = (HEIGHT - TOP - 16) / Math.max(rows.length, 8);
  const room = WIDTH - 240;
  return rows
    .map(({ name, value }, position) => {
      const y = TOP + position * step;
      const width = round((Math.max(0, value) / most) * room);
      return (
        text({ x: 160, y: y + step / 2 + 4 }, shortened(name), 'end') +
        `<rect x="166" y="${round(y + 2)}" width="${width}" height="${round(step - 4)}" fill="${INK}"/>` +
        text({ x: 172 + width, y: y + step / 2 + 4 }, shown(value), 'start')
      );
    })
    .join('');
}

export interface Cell {
  readonly row: number;
  readonly column: number;
  readonly rows: number;
  /** 0 to 1: how dark it is. */
  readonly share: number;
}

export function cellGrid(labels: readonly string[], cells: readonly Cell[]): string {
  const size = Math.min(INNER_WIDTH, INNER_HEIGHT) / Math.max(labels.length, 1);
  const names = labels.map((label, position) => {
    const at = (position + 0.5) * size;
    return (
      text({ x: LEFT - 6, y: TOP + at + 4 }, shortened(label), 'end') +
      text({ x: LEFT + at, y: TOP + labels.length * size + 14 }, shortened(label), 'middle')
    );
  });
  const squares = cells.map(({ row, column, rows, share }) => {
    const [x, y] = [LEFT + column * size, TOP + row * size];
    const label =
      size < 24
        ? ''
        : text({ x: x + size / 2, y: y + size / 2 + 4, fill: share > 0.5 ? 'white' : INK }, shown(rows), 'middle');
    return `<rect x="${round(x)}" y="${round(y)}" width="${round(size)}" height="${round(size)}" fill="${INK}" fill-opacity="${round(share)}" stroke="${FAINT}"/>${label}`;
  });
  return names.join('') + squares.join('');
}

/** Least and greatest value; a range of one value is widened. */
export function rangeOf(values: readonly number[]): Range {
  const from = Math.min(...values);
  const to = Math.max(...values);
  return from === to ? { from: from - 1, to: to + 1 } : { from, to };
}

function placed({ x, y }: Frame, point: Point): string {
  const atX = LEFT + ((point.x - x.from) / (x.to - x.from)) * INNER_WIDTH;
  const atY = TOP + (1 - (point.y - y.from) / (y.to - y.from)) * INNER_HEIGHT;
  return `${round(atX)} ${round(atY)}`;
}

interface Placed extends Point {
  readonly fill?: string;
}

function text(at: Placed, content: string, anchor: 'start' | 'middle' | 'end'): string {
  const fill = at.fill ?? INK;
  return `<text x="${round(at.x)}" y="${round(at.y)}" text-anchor="${anchor}" fill="${fill}">${escapeXml(content)}</text>`;
}

function valueAt({ from, to }: Range, share: number): string {
  return shown(from + share * (to - from));
}

function shown(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function shortened(name: string): string {
  return name.length > 22 ? `${name.slice(0, 21)}…` : name;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
