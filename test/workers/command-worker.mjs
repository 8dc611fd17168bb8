/** A worker process of which a test kills: runs the command `argv[2]` in the folder `argv[3]`, and prints its reports. */
import { tsImport } from 'tsx/esm/api';

const { createCommandPort } = await tsImport('../../workers/ports/command-process.ts', import.meta.url);
const [, , program, folder] = process.argv;
const commands = createCommandPort({ killed: [program] });
await commands.run({
  command: await commands.find('killed'),
  folder,
  wallMs: 60_000,
  cpuSeconds: 60,
  memoryMb: 600,
  stalledAfterMs: 60_000,
  signal: new AbortController().signal,
  onReport: async (report) => {
    process.stdout.write(JSON.stringify(report));
  },
});
