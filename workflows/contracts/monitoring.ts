/** Activities of the drift watch. */

export interface WatchRecord {
  readonly clock: 'wall' | 'event';
  /** Length of a window, microseconds; from the endpoint's monitors, one day without any. */
  readonly windowMicros: number;
  /** How long after a window's end its labels are awaited. */
  readonly labelDelayMicros: number;
  /** End of the last sealed window, or null before the first. */
  readonly sealedThrough: number | null;
  readonly watermark: number | null;
}

export interface ObservedWatermark {
  /** The lesser of the claim and what live serving instances have not written yet. Null while nothing is known. */
  readonly watermark: number | null;
  /** Start of the first window with traffic, while none is sealed. */
  readonly firstWindowStart: number | null;
}

export interface AlertSummary {
  readonly alertId: string;
  readonly monitor: string;
  readonly severity: 'info' | 'page';
  readonly action: 'none' | 'retrain';
  readonly explanation: string;
}

export interface SealedWindow {
  readonly alerts: readonly AlertSummary[];
  /** Lines for the status card. */
  readonly lines: readonly string[];
  readonly rows: number;
}

export interface MonitoringActivities {
  loadWatch(input: { endpoint: string }): Promise<WatchRecord>;
  /** Settles how far time has come, once serving has written everything before it. Keeps nothing. */
  settleWatermark(input: { endpoint: string; claimed: number | null }): Promise<ObservedWatermark>;
  /** Keeps the watermark as processed, and tells it to open rollouts and to a waiting lifecycle. */
  publishWatermark(input: { endpoint: string; watermark: number }): Promise<void>;
  /** Acts on an alert: breach to the open rollout, or a retraining request with signal-with-start. Safe to repeat. */
  actOnAlert(input: { endpoint: string; alertId: string }): Promise<{ readonly outcome: string }>;
}

export interface CheckedFeatures {
  readonly alerts: readonly AlertSummary[];
  /** Lines for the status card. */
  readonly lines: readonly string[];
}

export interface ServedFeatureActivities {
  /** Recomputes the sampled feature vectors of a window from history; alerts where they differ. Safe to repeat. */
  checkServedFeatures(input: { endpoint: string; windowStart: number; windowEnd: number }): Promise<CheckedFeatures>;
}

export interface MonitoringComputeActivities {
  /** Computes reports of one window, judges the monitors over it, keeps reports and alerts. Safe to repeat. */
  sealWindow(input: {
    endpoint: string;
    windowStart: number;
    windowEnd: number;
    muted: boolean;
  }): Promise<SealedWindow>;
}
