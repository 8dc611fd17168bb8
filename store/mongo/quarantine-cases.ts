/** Writes of quarantine cases within the transaction of whoever causes them: each with its audit entry and its event. */
import type { ClientSession } from 'mongodb';
import { QuarantineCase } from '../../domain/quarantine.js';
import { changeCase, type QuarantineTransition } from '../../domain/quarantine-transitions.js';
import type { AppendAudit } from './audit.js';
import { type Database, withoutId } from './database.js';
import type { AppendEvent } from './outbox.js';

export interface CaseWriterDependencies {
  readonly append: AppendAudit;
  readonly appendEvent: AppendEvent;
}

export interface CaseWriter {
  open(session: ClientSession, opened: QuarantineCase, actor: string): Promise<void>;
  /** Returns the case that stands then: a transition that is not legal (any more) changes nothing. */
  change(
    session: ClientSession,
    standing: QuarantineCase,
    change: { readonly transition: QuarantineTransition; readonly actor: string },
  ): Promise<QuarantineCase>;
  /** The rows of all undecided cases of a dataset were replaced as a whole. */
  supersede(
    session: ClientSession,
    dataset: string,
    by: { readonly actor: string; readonly at: number },
  ): Promise<void>;
}

export function createCaseWriter(database: Database, dependencies: CaseWriterDependencies): CaseWriter {
  const cases = database.collection('quarantine_cases');
  const decisions = database.collection('quarantine_decisions');
  const announce = announcer(dependencies);

  const change: CaseWriter['change'] = async (session, standing, { transition, actor }) => {
    const next = changeCase(standing, transition);
    if (next === null) return standing;
    await cases.replaceOne({ _id: standing.caseId }, { ...next }, { session });
    if (transition.kind === 'settle' || transition.kind === 'fail') {
      const verdict = transition.kind === 'settle' ? 'applied' : 'failed';
      const because = transition.kind === 'fail' ? transition.problem : null;
      const { caseId } = standing;
      await decisions.updateOne(
        { _id: decisionKey({ ...transition, caseId }) },
        { $set: { verdict, because } },
        { session },
      );
    }
    const named = nameOf(next, transition);
    if (named !== null) await announce(session, next, { ...named, actor, at: transition.at });
    return next;
  };

  return {
    change,
    async open(session, opened, actor) {
      await cases.insertOne({ _id: opened.caseId, ...opened }, { session });
      const { rows, rules, openedTs: at } = opened;
      await announce(session, opened, { type: 'quarantine.opened', key: 'once', details: { rows, rules }, actor, at });
    },
    async supersede(session, dataset, { actor, at }) {
      const found = await cases.find({ dataset, state: { $in: ['open', 'applying'] } }, { session }).toArray();
      for (const document of found) {
        const transition = { kind: 'supersede', at } as const;
        await change(session, QuarantineCase.parse(withoutId(document)), { transition, actor });
      }
    },
  };
}

/** People choose ids of decisions, so that they are theirs within a case only. */
export function decisionKey({ caseId, decisionId }: { readonly caseId: string; readonly decisionId: string }): string {
  return `${caseId}/${decisionId}`;
}

interface Announcement {
  readonly type: string;
  /** Tells events of one type and case apart. */
  readonly key: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** What a reader needs is in the event: it never has to come back and ask. */
function announcer({ append, appendEvent }: CaseWriterDependencies) {
  return async (
    session: ClientSession,
    { caseId, dataset, state, remaining, released, fixed, discarded, severity }: QuarantineCase,
    announcement: Announcement & { readonly actor: string; readonly at: number },
  ): Promise<void> => {
    const { type, key, actor, at } = announcement;
    const details = { ...announcement.details, state, remaining, released, fixed, discarded, severity };
    await append(session, { scope: `dataset/${dataset}`, actor, action: type, subject: caseId, details }, at);
    const payload = { caseId, dataset, ...details };
    await appendEvent(session, { dataset, eventId: `${type}/${caseId}/${key}`, type, payload });
  };
}

function nameOf({ policy, problem }: QuarantineCase, transition: QuarantineTransition): Announcement | null {
  switch (transition.kind) {
    case 'begin':
      return null;
    case 'settle': {
      const { decisionId, action, release } = transition;
      return { type: 'quarantine.settled', key: decisionId, details: { decisionId, action, release } };
    }
    case 'fail': {
      const { decisionId } = transition;
      return { type: 'quarantine.failed', key: decisionId, details: { decisionId, problem } };
    }
    case 'remind':
      return { type: 'quarantine.reminded', key: String(transition.reminder), details: { roles: policy.roles } };
    case 'escalate':
      return { type: 'quarantine.escalated', key: 'once', details: { roles: policy.roles } };
    case 'supersede':
      return { type: 'quarantine.superseded', key: 'once', details: {} };
  }
}
