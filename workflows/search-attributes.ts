/** Typed writes of the custom search attributes; each write is a history event, so callers write on changes only. */
import { defineSearchAttributeKey } from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';
import type { KeywordAttribute } from '../domain/search-attributes.js';

export function setKeywords(values: Partial<Record<KeywordAttribute, string>>): void {
  const pairs = Object.entries(values).map(([name, value]) => ({
    key: defineSearchAttributeKey(name, 'KEYWORD'),
    value,
  }));
  upsertSearchAttributes(pairs);
}

/** `null` removes the deadline from the lists of operators. */
export function setDeadline(deadlineMs: number | null): void {
  const key = defineSearchAttributeKey('MlDeadline', 'DATETIME');
  upsertSearchAttributes([{ key, value: deadlineMs === null ? null : new Date(deadlineMs) }]);
}

export function setPrimaryMetric(value: number): void {
  upsertSearchAttributes([{ key: defineSearchAttributeKey('MlPrimaryMetric', 'DOUBLE'), value }]);
}
