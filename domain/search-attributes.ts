/** The custom search attributes of Perennial's workflows: registered at set-up, used in saved views of the Web UI. */

export const SEARCH_ATTRIBUTES = {
  MlDataset: 'Keyword',
  MlModel: 'Keyword',
  MlVersion: 'Keyword',
  MlEndpoint: 'Keyword',
  MlStage: 'Keyword',
  MlTrigger: 'Keyword',
  MlOutcome: 'Keyword',
  MlDeadline: 'Datetime',
  MlPrimaryMetric: 'Double',
} as const;

export type SearchAttributeName = keyof typeof SEARCH_ATTRIBUTES;
export type KeywordAttribute = {
  [Name in SearchAttributeName]: (typeof SEARCH_ATTRIBUTES)[Name] extends 'Keyword' ? Name : never;
}[SearchAttributeName];
