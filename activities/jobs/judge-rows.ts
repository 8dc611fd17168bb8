/** The judged rows of a source, asked: one query for figures and profile, then evidence for the rules that are broken. */
import { canonicalJson } from '../../domain/canonical-json.js';
import type { DatasetSpec } from '../../domain/dataset.js';
import { type Expectation, isRowRule } from '../../domain/expectations.js';
import { type ColumnProfile, type DatasetProfile, frameOf } from '../../domain/profile.js';
import type { RuleResult, ValidationReport } from '../../domain/validation.js';
import { quoteIdentifier } from '../../ml/features/expression/sql.js';
import { LAG_EDGES } from '../../ml/profile/bins.js';
import {
  binsSql,
  type ProfiledColumn,
  profileItems,
  readBins,
  readColumn,
  type ResultRow,
} from '../../ml/profile/profile-sql.js';
import { judgeBatch } from '../../ml/validation/batch-figures.js';
import {
  batchItemName,
  batchItems,
  type BatchScope,
  chosen,
  chosenColumn,
  repeatedHashes,
  repeatedRows,
} from '../../ml/validation/batch-rules.js';
import {
  ACCEPTED,
  brokenPositions,
  countRows,
  countRules,
  floatColumns,
  nanAt,
} from '../../ml/validation/judged-sql.js';
import { writeReport } from '../../ml/validation/report.js';
import { knownExpression, type RowRule } from '../../ml/validation/row-rules.js';
import { batchResult, NO_EVIDENCE, rowResult } from '../../ml/validation/rule-results.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import type { TableSession } from '../../store/contracts/tables.js';
import type { JobContext } from './context.js';
import { countCustom } from './custom-sql.js';
import type { LoadedSource } from './load-source.js';
import { frameColumns } from './profile-relation.js';
import { batchEvidence, rowEvidence } from './rule-evidence.js';

export interface JudgedRows {
  readonly dataset: string;
  readonly spec: DatasetSpec;
  readonly receivedTs: number | null;
  readonly rules: readonly RowRule[];
  readonly others: ReadonlyMap<string, string>;
  readonly loaded: LoadedSource;
  readonly earlier: readonly DatasetProfile[];
  readonly head: DatasetProfile | null;
  readonly previousReport: ValidationReport | null;
}

export async function judgeRows(
  session: TableSession,
  facts: JudgedRows,
  { progress }: Pick<JobContext, 'progress'>,
): Promise<{ report: ValidationReport; profile: DatasetProfile }> {
  const { spec, rules } = facts;
  const [counted = {}] = await session.rows(countRows(rules));
  const counts = { rows: Number(counted['rows']), quarantined: Number(counted['quarantined'] ?? 0) };
  const accepted = counts.rows - counts.quarantined;
  const columns = await frameProfile(session, facts, accepted);
  progress({ message: 'rows counted' });
  const broken = brokenPositions(rules, counted);
  const ruleCounts = countRules(rules, broken);
  const [failing = {}] = ruleCounts === null ? [] : await session.rows(ruleCounts);
  const batch = spec.expectations.filter((rule) => !isRowRule(rule));
  const scope = { spec, others: facts.others, frames: new Map(columns.map(({ name, frame }) => [name, frame])) };
  const figures = await readFigures(session, { facts, columns, batch, scope, accepted });
  progress({ message: 'rows profiled' });
  const rowResults: RuleResult[] = [];
  for (const [position, rule] of rules.entries())
    rowResults.push(await judgeRowRule(session, facts, { rule, position, rows: counts.rows, failing }));
  const batchResults: RuleResult[] = [];
  for (const [position, rule] of batch.entries())
    batchResults.push(await judgeBatchRule(session, facts, { rule, position, figures }));
  const report = writeReport(spec, counts, [...rowResults, ...batchResults]);
  return { report, profile: figures.profile };
}

/** Frames of the earlier rows where there are any, so that profiles of all segments add up. */
async function frameProfile(
  session: TableSession,
  { spec, earlier }: JudgedRows,
  rows: number,
): Promise<ProfiledColumn[]> {
  const floats = floatColumns(spec);
  const columns = spec.columns.map(({ name, type }) => {
    const nan = type === 'float' ? nanAt(floats.indexOf(name)) : 'false';
    return { name, type, value: quoteIdentifier(name), nan, infinite: 'false' };
  });
  const before = earlier.at(-1)?.columns ?? [];
  const given = Object.fromEntries(before.map((column) => [column.name, frameOf(column)]));
  return frameColumns(session, { from: ACCEPTED, rowNumber: 'rowid', rows }, { columns, given });
}

interface Figures {
  readonly row: ResultRow;
  readonly profile: DatasetProfile;
  /** Profiles of the rows that a rule's `where` chose, by rule. */
  readonly chosen: ReadonlyMap<string, ColumnProfile>;
}

/** The one query over the accepted rows: bounds, profile, and what batch rules ask. */
async function readFigures(
  session: TableSession,
  asked: {
    facts: JudgedRows;
    columns: readonly ProfiledColumn[];
    batch: readonly Expectation[];
    scope: BatchScope;
    accepted: number;
  },
): Promise<Figures> {
  const { facts, columns, batch, scope, accepted: rows } = asked;
  const parts = batch.flatMap((rule) => chosenColumn(rule, scope) ?? []);
  const all = [...columns, ...parts];
  const items = batch.flatMap((rule, position) =>
    Object.entries(batchItems(rule, scope)).map(([part, sql]) => `${sql} as ${batchItemName(position, part)}`),
  );
  const known = knownExpression(facts.spec, facts.receivedTs);
  const event = quoteIdentifier(facts.spec.eventTime);
  const lag = `(${known} - ${event})::double`;
  const selected = [
    `min(${event}) as min_event`,
    `max(${event}) as max_event`,
    `${binsSql(lag, LAG_EDGES)} as lag_bins`,
    `count(${lag}) as lag_rows`,
  ];
  const [row = {}] = await session.rows(
    `select ${[...selected, ...profileItems(all, ACCEPTED), ...items].join(', ')} from ${ACCEPTED}`,
  );
  const profiles = all.map((column, index) => readColumn(column, { row, index, rows }));
  const time = (name: string): number | null => (row[name] == null ? null : Number(row[name]));
  const lagRows = Number(row['lag_rows'] ?? 0);
  const profile = {
    rows,
    firstEventTs: time('min_event'),
    lastEventTs: time('max_event'),
    ingestLag: lagRows === 0 ? null : { edges: [...LAG_EDGES], counts: readBins(row['lag_bins'], LAG_EDGES, lagRows) },
    columns: profiles.slice(0, columns.length),
  };
  return { row, profile, chosen: new Map(profiles.slice(columns.length).map((part) => [part.name, part])) };
}

async function judgeRowRule(
  session: TableSession,
  { spec, previousReport }: JudgedRows,
  asked: { rule: RowRule; position: number; rows: number; failing: ResultRow },
): Promise<RuleResult> {
  const { rule, position, rows, failing } = asked;
  const figure = (name: string): number | null => (failing[name] == null ? null : Number(failing[name]));
  const fails = figure(`f${position}`) ?? 0;
  const evidence = fails === 0 ? NO_EVIDENCE : await rowEvidence(session, spec, { rule, position });
  const counts = { rows: figure(`w${position}`) ?? rows, failing: fails, missing: figure(`m${position}`) };
  const ruleVersion = rule.declared === null ? rule.name : versionOf(rule.declared);
  return rowResult(rule, counts, { ruleVersion, evidence, previous: previousOf(previousReport, rule.name) });
}

async function judgeBatchRule(
  session: TableSession,
  facts: JudgedRows,
  asked: { rule: Expectation; position: number; figures: Figures },
): Promise<RuleResult> {
  const { rule, position, figures } = asked;
  const prefix = batchItemName(position, '');
  const own = Object.entries(figures.row).filter(([name]) => name.startsWith(prefix));
  const items = Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length), value]));
  const { counted, canonical } = await countExactly(session, facts, { rule, items });
  const { spec, earlier, head, receivedTs, loaded } = facts;
  const finding = judgeBatch(rule, {
    spec,
    profile: figures.profile,
    items,
    chosen: figures.chosen.get(rule.name) ?? null,
    counted,
    earlier,
    head,
    receivedTs,
    found: loaded.columns,
  });
  const isBroken = finding.passes === false || counted > 0;
  const evidence = isBroken ? await batchEvidence(session, spec, { rule, canonical }) : NO_EVIDENCE;
  const previous = previousOf(facts.previousReport, rule.name);
  return batchResult(rule, finding, { ruleVersion: versionOf(rule), evidence, previous });
}

/** Failing rows of the rules whose count is no plain figure: ascending values, then hashes, only tell that nothing repeats. */
async function countExactly(
  session: TableSession,
  facts: JudgedRows,
  { rule, items }: { rule: Expectation; items: ResultRow },
): Promise<{ counted: number; canonical: string | null }> {
  if (rule.sql !== undefined) {
    const { failing, canonical } = await countCustom(session, facts, rule);
    return { counted: failing, canonical };
  }
  const isUnique = rule.unique !== undefined || rule.duplicates !== undefined;
  if (!isUnique || Number(items['not_ascending'] ?? 2) <= 1) return { counted: 0, canonical: null };
  const columns = rule.unique ?? facts.spec.columns.map(({ name }) => name);
  const where = chosen(rule, facts.spec);
  const [hashed] = await session.rows(repeatedHashes(columns, where));
  if (Number(hashed?.['repeated'] ?? 0) === 0) return { counted: 0, canonical: null };
  const [row] = await session.rows(repeatedRows(columns, where));
  return { counted: Number(row?.['failing'] ?? 0), canonical: null };
}

function versionOf(rule: Expectation): string {
  return sha256Hex(canonicalJson(rule)).slice(0, 12);
}

function previousOf(report: ValidationReport | null, name: string): RuleResult['observed'] {
  return report?.rules.find((rule) => rule.name === name)?.observed ?? null;
}
