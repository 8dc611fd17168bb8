import { findEngine } from '#scripts/engines.mjs';
import type { Command } from 'commander';
import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { defaultDataDir } from '../supervisor/data-dir.js';
import { lockHolder } from '../supervisor/data-lock.js';
import { reasonOf } from '../supervisor/health.js';
import { packageRoot } from '../supervisor/package-root.js';
import { isPortFree } from '../supervisor/ports.js';

/** Room that a data folder needs for the engines' files and a demo run. */
const NEEDED_FREE_BYTES = 2 * 1024 ** 3;

/** One thing that was looked at. A remedy is there where it is not in order: what to do about it. */
interface Finding {
  readonly check: string;
  readonly found: string;
  readonly remedy?: string;
}

/** Adds `perennial doctor`: what this machine has and lacks for a local stack. Exit code 1 if something is missing. */
export function registerDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('check what a local stack needs on this machine')
    .option('--data <folder>', 'data folder to look at', defaultDataDir())
    .option('-o, --output <format>', 'table or json', 'table')
    .action(async (options: { data: string; output: string }) => {
      const findings = await examine(resolve(options.data));
      process.stdout.write(options.output === 'json' ? `${JSON.stringify(findings, null, 2)}\n` : render(findings));
      if (findings.some(({ remedy }) => remedy !== undefined)) process.exitCode = 1;
    });
}

async function examine(dataDir: string): Promise<readonly Finding[]> {
  return [
    examineNode(),
    examineBuild(),
    await examineEngine('temporal'),
    await examineEngine('mongod'),
    await examineDisk(dataDir),
    examineDataFolder(dataDir),
    await examinePorts(),
  ];
}

function examineNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const finding = { check: 'Node.js', found: process.versions.node };
  const isNewEnough = major > 20 || (major === 20 && minor >= 19);
  return isNewEnough ? finding : { ...finding, remedy: 'install Node.js 20.19 or newer' };
}

function examineBuild(): Finding {
  const missing = ['api', 'serving', 'workers'].filter(
    (name) => !existsSync(join(packageRoot(), 'dist', name, 'main.js')),
  );
  if (missing.length === 0) return { check: 'build', found: 'dist/ is complete' };
  return { check: 'build', found: `dist/ lacks ${missing.join(', ')}`, remedy: 'run `npm run setup`' };
}

async function examineEngine(name: 'temporal' | 'mongod'): Promise<Finding> {
  try {
    const choice = await findEngine(name);
    if (choice === undefined) return { check: name, found: 'none', remedy: 'run `npm run setup`, which installs it' };
    const where = choice.kind === 'address' ? choice.address : `${choice.path}, ${choice.version}`;
    return { check: name, found: `${where} (${choice.source})` };
  } catch (error) {
    return { check: name, found: reasonOf(error), remedy: 'name another binary or remove this one' };
  }
}

async function examineDisk(dataDir: string): Promise<Finding> {
  let folder = dataDir;
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  const finding = { check: 'disk', found: `${(freeBytes / 1024 ** 3).toFixed(1)} GiB free at ${folder}` };
  if (freeBytes >= NEEDED_FREE_BYTES) return finding;
  return { ...finding, remedy: 'free 2 GiB or choose another folder with --data' };
}

function examineDataFolder(dataDir: string): Finding {
  const holder = lockHolder(dataDir);
  const use = holder === undefined ? 'nothing runs in it' : `in use by a running stack (pid ${holder})`;
  return { check: 'data folder', found: existsSync(dataDir) ? `${dataDir}, ${use}` : `${dataDir} is new` };
}

/** A used port is no fault: `up` chooses another one and says which. */
async function examinePorts(): Promise<Finding> {
  const preferred = [7233, 8233, 27227, 8080, 8090];
  const states = await Promise.all(preferred.map(async (port) => ({ port, free: await isPortFree(port) })));
  const used = states.filter(({ free }) => !free).map(({ port }) => port);
  const found =
    used.length === 0 ? 'all preferred ports are free' : `in use, others will be chosen: ${used.join(', ')}`;
  return { check: 'ports', found };
}

function render(findings: readonly Finding[]): string {
  const lines = findings.map(({ check, found, remedy }) => {
    const mark = remedy === undefined ? 'ok      ' : 'missing ';
    return `${mark} ${check.padEnd(12)} ${found}${remedy === undefined ? '' : `; ${remedy}`}`;
  });
  return `${lines.join('\n')}\n`;
}
