/** Plots of an evaluation as SVG: no script, no font to load, readable in a mail as on a page. */
import type { EvaluationDetails, PlotName, Point } from '../../domain/evaluation-details.js';
import { axes, bars, cellGrid, diagonal, dots, line, type Frame, rangeOf, svg } from './svg.js';

const SHARES: Frame = { x: { from: 0, to: 1 }, y: { from: 0, to: 1 } };
const MAX_CELLS = 20;
const MAX_BARS = 20;

/** Those that the details have something for. */
export function drawPlots(details: EvaluationDetails): Partial<Record<PlotName, string>> {
  const plots: Partial<Record<PlotName, string>> = {};
  if (details.roc.length > 0)
    plots.roc = shares('ROC', ['false positive rate', 'true positive rate'], diagonal() + line(SHARES, details.roc));
  if (details.precisionRecall.length > 0)
    plots['precision-recall'] = shares(
      'Precision and recall',
      ['recall', 'precision'],
      line(SHARES, details.precisionRecall),
    );
  if (details.calibration.length > 0) {
    const points = details.calibration.map(({ predicted, observed }) => ({ x: predicted, y: observed }));
    plots.calibration = shares('Calibration', ['mean prediction', 'observed share'], diagonal() + line(SHARES, points));
  }
  if (details.confusion.length > 0) plots.confusion = confusionPlot(details);
  if (details.residuals.length > 0) plots.residuals = residualPlot(details.residuals);
  if (details.importance.length > 0)
    plots.importance = svg(
      'Loss added by shuffling an input',
      bars(details.importance.slice(0, MAX_BARS).map(({ input, drop }) => ({ name: input, value: drop }))),
    );
  return plots;
}

function shares(title: string, names: [string, string], marks: string): string {
  return svg(title, axes(SHARES, names) + marks);
}

function residualPlot(points: readonly Point[]): string {
  const frame = { x: rangeOf(points.map(({ x }) => x)), y: rangeOf([0, ...points.map(({ y }) => y)]) };
  const zero = [
    { x: frame.x.from, y: 0 },
    { x: frame.x.to, y: 0 },
  ];
  return svg(
    'Residuals',
    [axes(frame, ['prediction', 'prediction − label']), line(frame, zero), dots(frame, points)].join(''),
  );
}

/** The classes with the most rows; a cell is shaded by its share of the rows of its class. */
function confusionPlot({ confusion }: EvaluationDetails): string {
  const totals = new Map<string, number>();
  for (const { label, rows } of confusion) totals.set(label, (totals.get(label) ?? 0) + rows);
  const labels = [...totals]
    .sort(([left, few], [right, many]) => many - few || (left < right ? -1 : 1))
    .slice(0, MAX_CELLS)
    .map(([label]) => label)
    .sort();
  const cells = confusion.flatMap(({ label, decided, rows }) => {
    const [row, column] = [labels.indexOf(label), labels.indexOf(decided)];
    const total = totals.get(label) ?? 0;
    return row < 0 || column < 0 || rows === 0 ? [] : [{ row, column, rows, share: total === 0 ? 0 : rows / total }];
  });
  return svg('Confusion: rows by label (down) and decision (across)', cellGrid(labels, cells));
}
