// A thread that helps to train, loaded from source.
import { register } from 'tsx/esm/api';
register();
await import('../../../workers/compute/boosting-thread.ts');
