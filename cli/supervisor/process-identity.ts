import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * Something that stays the same for the life of a process and differs for a later process with the same pid: its start
 * time. Undefined when no such process runs.
 */
export function processIdentity(pid: number): string | undefined {
  return process.platform === 'linux' ? startTimeFromProc(pid) : startTimeFromPs(pid);
}

/** True if the process that was seen with this identity still runs. */
export function isSameProcess(seen: { readonly pid: number; readonly identity: string }): boolean {
  return processIdentity(seen.pid) === seen.identity;
}

function startTimeFromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Fields are counted after the program name, which may itself hold blanks and brackets: state is the first of them.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state] = fields;
    return state === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function startTimeFromPs(pid: number): string | undefined {
  const { stdout, status } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
  const text = stdout.trim();
  return status === 0 && text !== '' ? text : undefined;
}
