/** Quarantine cases and decisions. The case document is the only place where a case changes. */
import { DomainError } from '../../domain/errors.js';
import { QuarantineCase, QuarantineDecision } from '../../domain/quarantine.js';
import type { QuarantineStore } from '../contracts/quarantine.js';
import { type Database, type StoredDocument, withoutId } from './database.js';
import { type CaseWriterDependencies, createCaseWriter, decisionKey } from './quarantine-cases.js';

export function createQuarantineStore(database: Database, dependencies: CaseWriterDependencies): QuarantineStore {
  const cases = database.collection('quarantine_cases');
  const decisions = database.collection('quarantine_decisions');

  const writer = createCaseWriter(database, dependencies);

  return {
    change: (caseId, transition, actor) =>
      database.transact(async (session) => {
        const standing = readCase(await cases.findOne({ _id: caseId }, { session }));
        if (standing === null) throw new DomainError('PRN_QUARANTINE_NOT_FOUND', { caseId });
        return writer.change(session, standing, { transition, actor });
      }),
    async cases({ dataset, open }, limit) {
      const state = open === true ? { $in: ['open', 'applying'] } : { $nin: ['open', 'applying'] };
      const filter = { ...(dataset !== undefined && { dataset }), ...(open !== undefined && { state }) };
      const found = await cases.find(filter).sort({ openedTs: -1, _id: 1 }).limit(limit).toArray();
      return found.map((document) => QuarantineCase.parse(withoutId(document)));
    },
    case: async (caseId) => readCase(await cases.findOne({ _id: caseId })),
    caseOfCommit: async (dataset, commitSeq) => readCase(await cases.findOne({ dataset, commitSeq })),
    insertDecision: (decision) =>
      database.transact(async (session) => {
        const {
          decisionId,
          caseId,
          actor,
          at,
          verdict: _verdict,
          split: _split,
          because: _because,
          ...facts
        } = decision;
        const standing = readDecision(await decisions.findOne({ _id: decisionKey(decision) }, { session }));
        if (standing !== null) return standing;
        const about = readCase(await cases.findOne({ _id: caseId }, { session }));
        if (about === null) throw new DomainError('PRN_QUARANTINE_NOT_FOUND', { caseId });
        await decisions.insertOne({ _id: decisionKey(decision), ...decision }, { session });
        const scope = `dataset/${about.dataset}`;
        const details = { decisionId, ...facts };
        await dependencies.append(
          session,
          { scope, actor, action: 'quarantine.decided', subject: caseId, details },
          at,
        );
        return decision;
      }),
    decision: async (caseId, decisionId) =>
      readDecision(await decisions.findOne({ _id: decisionKey({ caseId, decisionId }) })),
    async decisions(caseId) {
      const found = await decisions.find({ caseId }).sort({ at: 1, _id: 1 }).toArray();
      return found.map((document) => QuarantineDecision.parse(withoutId(document)));
    },
    async ignoreDecision(decision, because) {
      await decisions.updateOne(
        { _id: decisionKey(decision), verdict: 'pending' },
        { $set: { verdict: 'ignored', because } },
      );
    },
    async saveSplit(decision, split) {
      await decisions.updateOne({ _id: decisionKey(decision) }, { $set: { split } });
    },
  };
}

function readCase(document: StoredDocument | null): QuarantineCase | null {
  return document === null ? null : QuarantineCase.parse(withoutId(document));
}

function readDecision(document: StoredDocument | null): QuarantineDecision | null {
  return document === null ? null : QuarantineDecision.parse(withoutId(document));
}
