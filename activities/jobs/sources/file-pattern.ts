/** Patterns of paths: `*` and `?` within one name, `**` over any number of folders. Hidden names need a literal dot. */
import { type Dirent } from 'node:fs';
import { lstat, readdir, stat } from 'node:fs/promises';
import { join, parse, sep } from 'node:path';

const WILD = /[*?]/;

/** True for a path with wildcards, unless a file has exactly that name. */
export async function isPattern(path: string): Promise<boolean> {
  return WILD.test(path) && (await stat(path).catch(() => null)) === null;
}

/** The folder that a pattern begins in: what stands before its first wildcard. */
export function startOf(pattern: string): string {
  const steps = pattern.split(sep);
  return (
    steps
      .slice(
        0,
        steps.findIndex((step) => WILD.test(step)),
      )
      .join(sep) || sep
  );
}

/** Paths of everything but folders that a pattern names, sorted. A folder that cannot be listed holds nothing. */
export async function findFiles(pattern: string): Promise<string[]> {
  const { root } = parse(pattern);
  const steps = pattern
    .slice(root.length)
    .split(sep)
    .filter((step) => step !== '');
  const found = new Set<string>();
  await walk(root === '' ? '.' : root, steps, found);
  return [...found].sort();
}

async function walk(folder: string, steps: readonly string[], found: Set<string>): Promise<void> {
  const [step, ...rest] = steps;
  if (step === undefined) return;
  if (step === '**') await walkDeep(folder, rest, found);
  else if (!WILD.test(step)) await enter(join(folder, step), rest, found);
  else
    for (const { name } of await list(folder)) if (nameFits(step, name)) await enter(join(folder, name), rest, found);
}

async function enter(path: string, rest: readonly string[], found: Set<string>): Promise<void> {
  if (rest.length > 0) return walk(path, rest, found);
  if ((await lstat(path).catch(() => null)) === null) return;
  const target = await stat(path).catch(() => null);
  // A dangling link is kept, so that it is refused aloud and not left out.
  if (target?.isDirectory() !== true) found.add(path);
}

/** Links to folders are not followed here: they may lead in a circle. */
async function walkDeep(folder: string, rest: readonly string[], found: Set<string>): Promise<void> {
  await walk(folder, rest.length === 0 ? ['*'] : rest, found);
  for (const entry of await list(folder))
    if (entry.isDirectory() && !entry.name.startsWith('.')) await walkDeep(join(folder, entry.name), rest, found);
}

async function list(folder: string): Promise<Dirent[]> {
  return readdir(folder, { withFileTypes: true }).catch(() => []);
}

/** Without a regular expression: several stars would make that try every way to share a long name among them. */
function nameFits(step: string, name: string): boolean {
  if (name.startsWith('.') && !step.startsWith('.')) return false;
  let [inStep, inName] = [0, 0];
  /** Behind the last star, and how much of the name it has taken so far. */
  let star: { next: number; taken: number } | null = null;
  while (inName < name.length) {
    const wanted = step[inStep];
    if (wanted === '*') {
      inStep += 1;
      star = { next: inStep, taken: inName };
    } else if (wanted !== undefined && (wanted === '?' || wanted === name[inName])) {
      inStep += 1;
      inName += 1;
    } else if (star === null) return false;
    else {
      star.taken += 1;
      inStep = star.next;
      inName = star.taken;
    }
  }
  return /^\**$/.test(step.slice(inStep));
}
