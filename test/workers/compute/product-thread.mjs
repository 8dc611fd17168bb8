// The product's own compute thread, loaded from source.
import { register } from 'tsx/esm/api';

register();
await import('../../../workers/compute/thread.ts');
