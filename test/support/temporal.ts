import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { inject } from 'vitest';

/** Connections to the Temporal server of this test run, and a task queue that no other test uses. */
export interface TestTemporal {
  readonly address: string;
  readonly client: Client;
  /** For workers. */
  readonly nativeConnection: NativeConnection;
  readonly taskQueue: string;
  /** Closes both connections; stop every worker first. */
  close(): Promise<void>;
}

/** Connects to namespace `default`; call `close` in the tear-down. */
export async function openTestTemporal(): Promise<TestTemporal> {
  const address = inject('temporalAddress');
  const connection = await Connection.connect({ address });
  const nativeConnection = await NativeConnection.connect({ address });
  return {
    address,
    client: new Client({ connection, namespace: 'default' }),
    nativeConnection,
    taskQueue: `test-${randomBytes(6).toString('hex')}`,
    close: async () => {
      await nativeConnection.close();
      await connection.close();
    },
  };
}
