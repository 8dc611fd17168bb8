/** Window reports and profiles, and alerts. */
import type { Alert, WindowProfile, WindowReport } from '../../domain/monitoring.js';

export interface MonitoringStore {
  /** Once per endpoint, version, window and revision. */
  saveReports(reports: readonly WindowReport[]): Promise<void>;
  /** Newest revision of each window of a version with `from < windowEnd ≤ to`, in order of time. */
  reports(input: {
    endpoint: string;
    version?: number;
    from?: number;
    to?: number;
    limit?: number;
  }): Promise<WindowReport[]>;
  /** Once per endpoint, version and window: a later revision takes the place of an earlier one. */
  saveProfiles(profiles: readonly WindowProfile[]): Promise<void>;
  /** With `from < windowEnd ≤ to`, in order of time, then version; the newest `limit` of them. */
  profiles(input: {
    endpoint: string;
    version?: number;
    from?: number;
    to?: number;
    limit: number;
  }): Promise<WindowProfile[]>;
  /** Once per `alertId`; false when it existed. */
  saveAlert(alert: Alert): Promise<boolean>;
  setAlertOutcome(alertId: string, outcome: string): Promise<void>;
  acknowledgeAlert(alertId: string, actor: string): Promise<Alert | null>;
  alerts(filter: { endpoint?: string; model?: string; limit?: number }): Promise<Alert[]>;
}
