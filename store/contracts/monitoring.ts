/** Window reports and alerts. */
import type { Alert, WindowReport } from '../../domain/monitoring.js';

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
  /** Once per `alertId`; false when it existed. */
  saveAlert(alert: Alert): Promise<boolean>;
  setAlertOutcome(alertId: string, outcome: string): Promise<void>;
  acknowledgeAlert(alertId: string, actor: string): Promise<Alert | null>;
  alerts(filter: { endpoint?: string; model?: string; limit?: number }): Promise<Alert[]>;
}
