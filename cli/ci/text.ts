/** A report as a person reads it in a terminal. */
import { gatesTable, metricsTable, verdictText } from '../evidence-text.js';
import type { CiReport, DataVerdict, ModelVerdict } from './report.js';

export function reportText({ codeRevision, outcome, reasons, applied, data, models }: CiReport): string {
  const changed = applied.filter(({ change }) => change !== 'unchanged');
  const names = changed.map(({ kind, name, change }) => `${kind} ${name} ${change}`).join(', ');
  return [
    `${outcome}: code revision ${codeRevision}`,
    ...reasons.map((reason) => `  ${reason}`),
    `applied ${applied.length} resources: ${names === '' ? 'nothing new' : names}`,
    ...data.map(dataLine),
    ...models.map(modelText),
  ].join('\n');
}

function dataLine({ dataset, outcome, rows, quarantined, rules, reasons }: DataVerdict): string {
  const aside = quarantined === 0 ? '' : `, ${quarantined} set aside`;
  const counted = rules.length === 0 ? '' : ` (${rows} rows${aside}, ${rules.length} rules)`;
  return [`data ${dataset}: ${outcome}${counted}`, ...reasons.map((reason) => `  ${reason}`)].join('\n');
}

function modelText({ model, outcome, reasons, evidence, pipelineId, version }: ModelVerdict): string {
  const of = [
    pipelineId === null ? [] : [`pipeline ${pipelineId}`],
    version === null ? [] : [`version ${version}`],
  ].flat();
  const said = evidence === null ? outcome : `${outcome}, ${verdictText(evidence)}`;
  return [
    `model ${model}: ${said}${of.length === 0 ? '' : ` (${of.join(', ')})`}`,
    ...reasons.map((reason) => `  ${reason}`),
    ...(evidence === null ? [] : ['', metricsTable(evidence), '', gatesTable(evidence), '']),
  ].join('\n');
}
