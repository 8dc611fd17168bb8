/** A change stream that is opened again after every error. What happened in between is for the follower to find out. */
import type { ChangeStream, ChangeStreamDocument } from 'mongodb';

const REOPEN_MS = 500;

export interface ChangeFollower {
  /** The stream stands; what was changed before has to be read in another way. */
  onOpened(): Promise<void>;
  onLost(): void;
  onChange(change: ChangeStreamDocument): void;
}

/** Resolves when the first stream was opened, or failed to open and will be tried again. */
export async function followChanges(
  open: () => ChangeStream | Promise<ChangeStream>,
  follower: ChangeFollower,
): Promise<{ close(): Promise<void> }> {
  let closed = false;
  let stream: ChangeStream | null = null;
  let reopening: NodeJS.Timeout | null = null;

  const reopen = (): void => {
    if (closed || reopening !== null) return;
    follower.onLost();
    reopening = setTimeout(() => {
      reopening = null;
      void start();
    }, REOPEN_MS);
  };
  const start = async (): Promise<void> => {
    await stream?.close().catch(() => undefined);
    try {
      stream = await open();
    } catch {
      return reopen();
    }
    if (closed) return stream.close();
    stream.on('change', (change) => follower.onChange(change));
    stream.on('error', reopen);
    await follower.onOpened();
  };

  await start();
  return {
    async close() {
      closed = true;
      if (reopening !== null) clearTimeout(reopening);
      await stream?.close().catch(() => undefined);
    },
  };
}
