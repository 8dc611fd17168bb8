import { run } from './run.mjs';

/** Debian packages that carry the shared libraries a MongoDB server may miss. */
const PACKAGE_OF_LIBRARY = {
  'libcurl.so.4': 'libcurl4',
  'liblzma.so.5': 'liblzma5',
  'libssl.so.3': 'libssl3',
  'libcrypto.so.3': 'libssl3',
};

/**
 * Reads the loader's complaint of a program that does not start.
 * @param {string} output
 * @returns {string | undefined} the system package to install, where we know it
 */
export function packageForLoaderError(output) {
  const library = /error while loading shared libraries: (\S+?):/.exec(output)?.[1];
  return library === undefined ? undefined : PACKAGE_OF_LIBRARY[library];
}

/**
 * Installs system packages with apt-get when running as root; otherwise fails with the command a person has to run.
 * @param {readonly string[]} packages
 * @param {(line: string) => void} onProgress
 */
export async function installSystemPackages(packages, onProgress) {
  const names = packages.join(' ');
  const hasApt = (await run('apt-get', ['--version'])).code === 0;
  if (!hasApt) throw new Error(`Install these system packages (Debian names) with your package manager: ${names}`);
  if (process.getuid?.() !== 0) {
    throw new Error(`System packages are missing. Run: sudo apt-get update && sudo apt-get install -y ${names}`);
  }
  onProgress(`system packages: apt-get install ${names}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = () => run('apt-get', ['install', '-y', '--no-install-recommends', ...packages], { env });
  let result = await install();
  if (result.code !== 0) {
    await run('apt-get', ['update'], { env });
    result = await install();
  }
  if (result.code !== 0) throw new Error(`apt-get install ${names} failed:\n${result.output.slice(-2000)}`);
}
