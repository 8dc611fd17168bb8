/** What the inputs of all workflows share. */

/** `test` shortens timeouts, polls and retries so that faults show in milliseconds; never use it in production. */
export type Timing = 'production' | 'test';
