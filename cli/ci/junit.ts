/** A report as JUnit XML, which CI systems show: a suite for each dataset and model, a case for each rule and gate. */
import type { GateResult } from '../../domain/gates.js';
import type { RuleResult } from '../../domain/validation.js';
import { escapeXml } from '../../domain/xml.js';
import type { CiOutcome, CiReport, DataVerdict, ModelVerdict } from './report.js';

interface Case {
  readonly name: string;
  readonly verdict: 'passed' | 'failure' | 'error' | 'skipped';
  /** In a line. */
  readonly message: string;
  /** All of it. */
  readonly text: string;
}

export function renderJunit(report: CiReport): string {
  const { outcome, reasons } = report;
  const refused = whole('documents', { outcome, reasons, text: `code revision ${report.codeRevision}` });
  const suites = [
    ...(reasons.length === 0 ? [] : [{ name: 'documents', cases: [refused] }]),
    ...report.data.map((data) => ({ name: `data ${data.dataset}`, cases: dataCases(data) })),
    ...report.models.map((model) => ({ name: `model ${model.model}`, cases: modelCases(model, report.codeRevision) })),
  ];
  const all = suites.flatMap(({ cases }) => cases);
  const lines = suites.flatMap(({ name, cases }) => [
    `  <testsuite ${attributes({ name, ...counts(cases) })}>`,
    ...cases.flatMap((each) => caseLines(name, each)),
    '  </testsuite>',
  ]);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${attributes({ name: `perennial ci ${report.codeRevision}`, ...counts(all) })}>`,
    ...lines,
    '</testsuites>',
    '',
  ].join('\n');
}

function dataCases({ outcome, rules, reasons, source, rows, quarantined }: DataVerdict): Case[] {
  const text = `${source ?? 'nothing'}: ${rows} rows, ${quarantined} set aside`;
  return [whole('data', { outcome, reasons, text }), ...rules.map(ruleCase)];
}

function ruleCase({ name, verdict, message, observed, threshold, failing, rows }: RuleResult): Case {
  const text = `${message}\nobserved ${observed ?? '–'}, asked for ${threshold}; ${failing} of ${rows} rows fail`;
  if (verdict === 'failed') return { name, verdict: 'failure', message, text };
  return { name, verdict: verdict === 'no_evidence' ? 'skipped' : 'passed', message, text };
}

function modelCases({ outcome, reasons, evidence, pipelineId, version }: ModelVerdict, revision: string): Case[] {
  const registered = version === null ? 'no version' : `version ${version}`;
  const text = `code revision ${revision}, pipeline ${pipelineId ?? 'none'}, ${registered}`;
  return [whole('candidate', { outcome, reasons, text }), ...(evidence?.gates ?? []).map(gateCase)];
}

function gateCase({ name, verdict, explanation, observed, interval, threshold, rows, blocks }: GateResult): Case {
  const bounds = interval === null ? '' : ` [${interval.lower}, ${interval.upper}] at ${interval.confidence}`;
  const text = `${explanation}\nobserved ${observed ?? '–'}${bounds}, asked for ${threshold ?? '–'}; ${rows} rows, ${blocks} blocks`;
  if (verdict === 'not_applicable') return { name, verdict: 'skipped', message: explanation, text };
  return { name, verdict: verdict === 'passed' ? 'passed' : 'failure', message: explanation, text };
}

const VERDICTS = {
  passed: 'passed',
  refused: 'failure',
  undecided: 'error',
  started: 'skipped',
  skipped: 'skipped',
} as const satisfies Record<CiOutcome, Case['verdict']>;

function whole(
  name: string,
  { outcome, reasons, text }: { outcome: CiOutcome; reasons: readonly string[]; text: string },
): Case {
  const message = reasons.join('; ');
  return { name, verdict: VERDICTS[outcome], message: message || outcome, text: [text, ...reasons].join('\n') };
}

function counts(cases: readonly Case[]): Record<string, number> {
  const count = (verdict: Case['verdict']): number => cases.filter((each) => each.verdict === verdict).length;
  return { tests: cases.length, failures: count('failure'), errors: count('error'), skipped: count('skipped') };
}

function caseLines(suite: string, { name, verdict, message, text }: Case): string[] {
  const open = `    <testcase ${attributes({ classname: suite.replace(' ', '.'), name })}`;
  if (verdict === 'passed') return [`${open}><system-out>${escapeXml(text)}</system-out></testcase>`];
  return [
    `${open}>`,
    `      <${verdict} ${attributes({ message })}>${escapeXml(text)}</${verdict}>`,
    '    </testcase>',
  ];
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}="${escapeXml(String(value)).replaceAll('\n', '&#10;')}"`)
    .join(' ');
}
