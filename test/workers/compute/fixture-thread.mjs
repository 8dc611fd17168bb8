// A compute thread with the product's own message loop and jobs that misbehave on purpose. Threads do not inherit the
// test runner's transforms, so TypeScript is loaded through tsx.
import { register } from 'tsx/esm/api';

register();
await import('./fixture-jobs.ts');
