/** Window reports, newest revision first, and alerts. */
import { Alert, WindowProfile, WindowReport } from '../../domain/monitoring.js';
import type { MonitoringStore } from '../contracts/monitoring.js';
import { type Database, isDuplicateKey, withoutId } from './database.js';

export function createMonitoringStore(database: Database): MonitoringStore {
  const reports = database.collection('window_reports');
  const profiles = database.collection('window_profiles');
  const alerts = database.collection('alerts');

  return {
    async saveReports(rows) {
      for (const report of rows) {
        const _id = `${report.endpoint}/${report.version}/${report.windowEnd}/${report.revision}`;
        await reports.replaceOne({ _id }, { ...report }, { upsert: true });
      }
    },
    async reports({ limit, ...window }) {
      const found = await reports
        .find(windowFilter(window))
        .sort({ windowEnd: -1, version: 1, revision: -1 })
        .toArray();
      const newest = new Map<string, WindowReport>();
      for (const document of found) {
        const key = `${document['version']}/${document['windowEnd']}`;
        if (!newest.has(key)) newest.set(key, WindowReport.parse(withoutId(document)));
      }
      const inOrder = [...newest.values()].toReversed();
      return limit === undefined ? inOrder : inOrder.slice(-limit);
    },
    async saveProfiles(rows) {
      for (const row of rows) {
        const _id = `${row.endpoint}/${row.version}/${row.windowEnd}`;
        await profiles.replaceOne({ _id }, { ...row }, { upsert: true });
      }
    },
    async profiles({ limit, ...window }) {
      const found = await profiles
        .find(windowFilter(window))
        .sort({ windowEnd: -1, version: -1 })
        .limit(limit)
        .toArray();
      return found.map((document) => WindowProfile.parse(withoutId(document))).toReversed();
    },
    async saveAlert(alert) {
      try {
        await alerts.insertOne({ _id: alert.alertId, ...alert });
        return true;
      } catch (error) {
        if (isDuplicateKey(error)) return false;
        throw error;
      }
    },
    async setAlertOutcome(alertId, outcome) {
      await alerts.updateOne({ _id: alertId }, { $set: { outcome } });
    },
    async acknowledgeAlert(alertId, actor) {
      const found = await alerts.findOneAndUpdate(
        { _id: alertId },
        { $set: { acknowledgedBy: actor } },
        { returnDocument: 'after' },
      );
      return found === null ? null : Alert.parse(withoutId(found));
    },
    async alerts({ endpoint, model, limit = 1_000 }) {
      const filter = { ...(endpoint && { endpoint }), ...(model && { model }) };
      const found = await alerts.find(filter).sort({ windowEnd: -1, _id: 1 }).limit(limit).toArray();
      return found.map((document) => Alert.parse(withoutId(document)));
    },
  };
}

function windowFilter(window: { endpoint: string; version?: number; from?: number; to?: number }) {
  const { endpoint, version, from, to } = window;
  const windowEnd = { $gt: from ?? Number.MIN_SAFE_INTEGER, $lte: to ?? Number.MAX_SAFE_INTEGER };
  return { endpoint, windowEnd, ...(version !== undefined && { version }) };
}
