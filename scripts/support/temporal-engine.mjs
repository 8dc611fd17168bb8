import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { download } from './download.mjs';
import { run, runOrFail } from './run.mjs';

/** The newest release that `go install` accepts: later ones carry a `replace` in their go.mod. Server 1.29.1. */
const VERSION = '1.5.1';
const GO_PACKAGE = `github.com/temporalio/cli/cmd/temporal@v${VERSION}`;
const GO_ARCHITECTURE = { x64: 'amd64', arm64: 'arm64' };

async function fetchArchive({ scratch }) {
  const arch = GO_ARCHITECTURE[process.arch];
  if (arch === undefined) throw new Error(`no official build for ${process.arch}`);
  const archive = join(scratch, 'temporal.tar.gz');
  await download(
    `https://temporal.download/cli/archive/v${VERSION}?platform=${process.platform}&arch=${arch}`,
    archive,
  );
  await runOrFail('tar', ['-xzf', archive, '-C', scratch, 'temporal']);
  await rm(archive);
}

async function buildFromSource({ scratch, env }) {
  if ((await run('go', ['version'], { env })).code !== 0) {
    throw new Error('Go is not installed; install Go 1.25 or newer (https://go.dev/dl)');
  }
  // Stripped of symbols it is 40 MB smaller and links faster; SQLite inside is pure Go, so no C compiler is needed.
  await runOrFail('go', ['install', '-ldflags', '-s -w', GO_PACKAGE], {
    env: { ...env, GOBIN: scratch, CGO_ENABLED: '0' },
  });
}

/** How a Temporal CLI with its development server is found and installed. */
export const temporalEngine = {
  title: 'Temporal CLI',
  program: 'temporal',
  addressVariable: 'TEMPORAL_ADDRESS',
  binaryVariable: 'PERENNIAL_TEMPORAL_BIN',
  installs: [
    {
      version: VERSION,
      source: 'official download',
      description: `downloading the official build ${VERSION}`,
      fetch: fetchArchive,
    },
    {
      version: VERSION,
      source: 'go install',
      description: `building ${VERSION} from source with Go (3 to 5 minutes, only once)`,
      fetch: buildFromSource,
    },
  ],
};
