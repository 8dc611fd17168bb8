/** Said wherever `latest` knowledge was asked for. */
export const LEAK_WARNING =
  'LEAK: --latest-knowledge lets features hold what became known only after the time of their row. Do not train or evaluate on this file.';
