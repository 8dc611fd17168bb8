/** Versions, champions, approvals, decisions. A model's head document is raised first in every transaction on the model. */
import type { ClientSession } from 'mongodb';
import { Approval, Decision } from '../../domain/approval.js';
import { DomainError } from '../../domain/errors.js';
import { ChampionEntry, isLegalStageChange, ModelHead, ModelVersion } from '../../domain/registry.js';
import type { ApprovalToken, RegistryStore } from '../contracts/registry.js';
import type { AppendAudit } from './audit.js';
import { type Database, type StoredDocument, withoutId } from './database.js';
import { useHoldout } from './holdout-uses.js';
import type { AppendEvent } from './outbox.js';

export interface RegistryDependencies {
  readonly append: AppendAudit;
  readonly appendEvent: AppendEvent;
  readonly now: () => number;
}

export function createRegistryStore(database: Database, dependencies: RegistryDependencies): RegistryStore {
  const { append, appendEvent, now } = dependencies;
  const models = database.collection('models');
  const versions = database.collection('model_versions');
  const history = database.collection('alias_history');

  const find = async (filter: object, session?: ClientSession): Promise<ModelVersion | null> => {
    const found = await versions.findOne(filter, { ...(session && { session }) });
    return found === null ? null : ModelVersion.parse(withoutId(found));
  };

  return {
    ...createApprovalStore(database, dependencies),
    registerVersion: (input) =>
      database.transact(async (session) => {
        const { model, requestId } = input;
        const head = await models.findOneAndUpdate(
          { _id: model },
          { $inc: { latestVersion: 1 } },
          { upsert: true, returnDocument: 'after', session },
        );
        const standing = await find({ model, requestId }, session);
        if (standing !== null) {
          await models.updateOne({ _id: model }, { $inc: { latestVersion: -1 } }, { session });
          if (standing.bundleDigest === input.bundleDigest) return standing;
          throw new DomainError('PRN_REGISTRY_VERSION_CONFLICT', { requestId, version: standing.version });
        }
        const version: ModelVersion = { ...input, version: Number(head?.['latestVersion'] ?? 1), stage: 'none' };
        const subject = `${model}/${version.version}`;
        await versions.insertOne({ _id: subject, ...version }, { session });
        const details = { bundleDigest: version.bundleDigest, evidenceDigest: version.evidenceDigest, requestId };
        await append(
          session,
          { scope: `model/${model}`, actor: version.createdBy, action: 'version.registered', subject, details },
          version.createdTs,
        );
        await appendEvent(session, {
          model,
          eventId: `version.registered/${model}/${requestId}`,
          type: 'version.registered',
          payload: { version: version.version },
        });
        return version;
      }),
    setSkew: ({ model, version, skew, actor }) =>
      database.transact(async (session) => {
        const standing = await find({ model, version }, session);
        if (standing === null) throw new DomainError('PRN_MODEL_VERSION_NOT_FOUND', { model, version });
        if (standing.skew?.certificateId === skew.certificateId) return;
        await models.updateOne({ _id: model }, { $inc: { changes: 1 } }, { session });
        await versions.updateOne({ model, version }, { $set: { skew } }, { session });
        const { certificateId, verdict, comparisons, mismatches } = skew;
        const facts = {
          scope: `model/${model}`,
          actor,
          action: 'version.certified',
          subject: `${model}/${version}`,
          details: { certificateId, verdict, comparisons, mismatches },
        };
        await append(session, facts, now());
      }),
    useHoldout: (input) => useHoldout(database, input),
    version: (model, version) => find({ model, version }),
    async versions(model) {
      return (await versions.find({ model }).sort({ version: -1 }).toArray()).map((document) =>
        ModelVersion.parse(withoutId(document)),
      );
    },
    async head(model) {
      const found = await models.findOne({ _id: model });
      return found === null ? null : readHead(found);
    },
    async heads() {
      return (await models.find({}).sort({ _id: 1 }).toArray()).map(readHead);
    },
    setStage: ({ model, version, from, to, actor, reason }) =>
      database.transact(async (session) => {
        const standing = await find({ model, version }, session);
        if (standing === null) throw new DomainError('PRN_MODEL_VERSION_NOT_FOUND', { model, version });
        if (standing.stage === to) return;
        if (to === 'production' || standing.stage !== from || !isLegalStageChange(from, to, 'other')) {
          throw new DomainError('PRN_REGISTRY_STAGE_CONFLICT', { model, version, actual: standing.stage, wanted: to });
        }
        await models.updateOne({ _id: model }, { $inc: { changes: 1 } }, { session });
        await versions.updateOne({ model, version, stage: from }, { $set: { stage: to } }, { session });
        const facts = {
          scope: `model/${model}`,
          actor,
          action: 'stage.changed',
          subject: `${model}/${version}`,
          details: { from, to, reason },
        };
        await append(session, facts, now());
      }),
    async champion(model) {
      const found = await history.findOne({ model, validTo: null });
      return found === null ? null : ChampionEntry.parse(withoutId(found));
    },
    async championAt(model, at) {
      const filter = { model, validFrom: { $lte: at }, $or: [{ validTo: null }, { validTo: { $gt: at } }] };
      const found = await history.findOne(filter, { sort: { validFrom: -1 } });
      return found === null ? null : ChampionEntry.parse(withoutId(found));
    },
    async championHistory(model) {
      return (await history.find({ model }).sort({ aliasRevision: -1 }).toArray()).map((document) =>
        ChampionEntry.parse(withoutId(document)),
      );
    },
  };
}

type ApprovalPart = Pick<
  RegistryStore,
  | 'openApproval'
  | 'approval'
  | 'approvals'
  | 'closeApproval'
  | 'extendApproval'
  | 'insertDecision'
  | 'decision'
  | 'decisions'
  | 'saveToken'
  | 'consumeToken'
>;

function createApprovalStore(database: Database, { append, appendEvent, now }: RegistryDependencies): ApprovalPart {
  const approvals = database.collection('approvals');
  const decisions = database.collection('decisions');
  const tokens = database.collection('approval_tokens');
  const readApproval = (document: StoredDocument | null): Approval | null =>
    document === null ? null : Approval.parse(withoutId(document));
  const readDecision = (document: StoredDocument | null): Decision | null =>
    document === null ? null : Decision.parse(withoutId(document));

  return {
    openApproval: (approval) =>
      database.transact(async (session) => {
        const { approvalId, model, version } = approval;
        await database.collection('models').updateOne({ _id: model }, { $inc: { changes: 1 } }, { session });
        const standing = await approvals.findOne({ _id: approvalId }, { session });
        if (standing !== null) return { superseded: [] };
        const older = (await approvals.find({ model, outcome: 'pending' }, { session }).toArray()).map((document) =>
          Approval.parse(withoutId(document)),
        );
        const closing = { $set: { outcome: 'superseded', closedTs: approval.openedTs } };
        await approvals.updateMany({ model, outcome: 'pending' }, closing, { session });
        await approvals.insertOne({ _id: approvalId, ...approval }, { session });
        const details = {
          version,
          bundleDigest: approval.bundleDigest,
          evidenceDigest: approval.evidenceDigest,
          superseded: older.map((each) => each.approvalId),
        };
        await append(
          session,
          {
            scope: `model/${model}`,
            actor: approval.requestedBy,
            action: 'approval.opened',
            subject: approvalId,
            details,
          },
          approval.openedTs,
        );
        await appendEvent(session, {
          model,
          eventId: `approval.opened/${approvalId}`,
          type: 'approval.opened',
          payload: { approvalId, version },
        });
        return { superseded: older };
      }),
    approval: async (approvalId) => readApproval(await approvals.findOne({ _id: approvalId })),
    async approvals(filter) {
      const found = await approvals
        .find({ ...filter })
        .sort({ openedTs: -1 })
        .toArray();
      return found.map((document) => Approval.parse(withoutId(document)));
    },
    closeApproval: ({ approvalId, outcome, at, actor }) =>
      database.transact(async (session) => {
        const standing = readApproval(await approvals.findOne({ _id: approvalId }, { session }));
        if (standing === null) throw new DomainError('PRN_APPROVAL_NOT_FOUND', { approvalId });
        if (standing.outcome !== 'pending') return standing;
        await approvals.updateOne(
          { _id: approvalId, outcome: 'pending' },
          { $set: { outcome, closedTs: at } },
          { session },
        );
        const { model, version } = standing;
        await append(
          session,
          {
            scope: `model/${model}`,
            actor,
            action: 'approval.closed',
            subject: approvalId,
            details: { version, outcome },
          },
          at,
        );
        await appendEvent(session, {
          model,
          eventId: `approval.closed/${approvalId}`,
          type: 'approval.closed',
          payload: { approvalId, version, outcome },
        });
        return { ...standing, outcome, closedTs: at };
      }),
    async extendApproval(approvalId, deadlineTs) {
      await approvals.updateOne({ _id: approvalId, outcome: 'pending' }, { $set: { deadlineTs } });
    },
    insertDecision: (decision) =>
      database.transact(async (session) => {
        const { decisionId, approvalId } = decision;
        const standing = readDecision(await decisions.findOne({ _id: decisionId }, { session }));
        if (standing !== null) return standing;
        const approval = readApproval(await approvals.findOne({ _id: approvalId }, { session }));
        if (approval === null) throw new DomainError('PRN_APPROVAL_NOT_FOUND', { approvalId });
        await decisions.insertOne({ _id: decisionId, ...decision }, { session });
        const { actor, at, channel, authenticated, reason, version } = decision;
        const details = { decisionId, decision: decision.decision, reason, version, channel, authenticated };
        await append(
          session,
          { scope: `model/${approval.model}`, actor, action: 'approval.decided', subject: approvalId, details },
          at,
        );
        return decision;
      }),
    decision: async (decisionId) => readDecision(await decisions.findOne({ _id: decisionId })),
    async decisions(approvalId) {
      const found = await decisions.find({ approvalId }).sort({ at: 1, _id: 1 }).toArray();
      return found.map((document) => Decision.parse(withoutId(document)));
    },
    async saveToken(token) {
      await tokens.insertOne({ _id: token.digest, ...token, spentOn: null, issuedTs: now() });
    },
    async consumeToken({ digest, approvalId, decisionId }) {
      const filter = { _id: digest, approvalId, $or: [{ spentOn: null }, { spentOn: decisionId }] };
      const found = await tokens.findOneAndUpdate(filter, { $set: { spentOn: decisionId } });
      if (found === null) return null;
      const { actor, role } = found;
      return { digest, approvalId, actor: String(actor), role } satisfies ApprovalToken;
    },
  };
}

function readHead({ _id, latestVersion, champion, aliasRevision }: StoredDocument): ModelHead {
  return ModelHead.parse({
    model: _id,
    latestVersion: latestVersion ?? 0,
    champion: champion ?? null,
    aliasRevision: aliasRevision ?? 0,
  });
}
