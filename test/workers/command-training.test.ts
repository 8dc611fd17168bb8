import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CommandTraining, trainWithCommand } from '../../activities/command-training.js';
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import { SamplePredictions, TrainerRequest } from '../../domain/external-training.js';
import { openFileArtifacts } from '../../store/artifacts/file.js';
import type { ArtifactStore } from '../../store/contracts/artifacts.js';
import { type CommandList, createCommandPort } from '../../workers/ports/command-process.js';

/** What began a session of its own has left its number. */
const untilStarted = 'until [ -s "$1/pid" ]; do sleep 0.02; done';

/** Bash scripts by what they do; `$1` is the folder of the run. */
const SCRIPTS = {
  succeeds: `
    echo 'some words' ; echo '{"progress": {"message": "one", "step": 1, "metrics": {"loss": 0.5}}}'
    grep -o '"trainer":"succeeds"' "$1/request.json" >&2
    head -c 4 "$1/train.parquet" > "$1/output/model.onnx"
    echo '{"predictions": [[0.25]]}' > "$1/output/sample-predictions.json"
    env | sort >&2
    echo '{"output": "p", "environment": {"packages": {"bash": "5"}}}' > "$1/output/answer.json"`,
  fails: `echo 'no such column' >&2; exit 3`,
  crashes: `kill -SEGV $$`,
  complains: `echo '{"error": {"code": "PRN_TRAINING_DIVERGED", "reason": "loss is nan"}}'; exit 1`,
  diverges: `echo '{"progress": {"message": "two", "step": 2, "metrics": {"loss": "NaN"}}}'; exit 0`,
  hangs: `sleep 300 & echo $! > "$1/pid"; echo '{"progress": {"message": "started"}}'; wait`,
  burns: `while true; do :; done`,
  hoards: `exec "${process.execPath}" -e 'const held = []; for (;;) held.push(Buffer.alloc(2 ** 26, 1));'`,
  forgets: `echo '{}' > "$1/output/other.json"`,
  links: `ln -s "$1/request.json" "$1/output/model.onnx"; echo '{"output": "p"}' > "$1/output/answer.json"`,
  pipes: `mkfifo "$1/output/answer.json"`,
  keeps_a_link: `ln -s "$1/request.json" "$1/state-1"; echo '{"checkpoint": "state-1"}'; exit 5`,
  changes_what_it_left: `
    echo model > "$1/best.onnx"; ln "$1/best.onnx" "$1/output/model.onnx"
    echo 'half way' > "$1/state-1"; exec 3>>"$1/state-1"; echo '{"checkpoint": "state-1"}'
    while [ -e "$1/state-1" ]; do sleep 0.02; done; echo more >&3
    echo '{"output": "p"}' > "$1/output/answer.json"`,
  fills: `exec truncate -s 9G "$1/table"`,
  says_much: `
    for step in $(seq 0 4999); do echo '{"progress": {"message": "m", "metrics": {"loss": '$step'}}}'; done
    truncate -s 20M "$1/stderr.log"; echo 'the end' >> "$1/stderr.log"
    echo model > "$1/output/model.onnx"; echo '{"output": "p"}' > "$1/output/answer.json"`,
  resumes: `
    if [ -f "$1/checkpoint" ]; then cat "$1/checkpoint" >&2; exit 4; fi
    echo 'half way' > "$1/state-1"; echo '{"checkpoint": "state-1"}'; kill -KILL $$`,
  keeps: `echo 'half way' > "$1/state-1"; echo '{"checkpoint": "state-1"}'; sleep 300`,
  leaves_children: `sleep 300 & echo $! > "$1/pid"; exit 0`,
  escapes: `setsid sh -c 'echo $$ > "$0/pid"; exec sleep 300' "$1" & ${untilStarted}; exit 0`,
  hides: `env -i setsid /bin/sh -c 'echo $$ > "$0/pid"; exec /bin/sleep 300' "$1" & ${untilStarted}; exit 0`,
  loses_its_parent: `setsid sh -c 'echo $$ > "$0/pid"; exec sleep 300' "$1" & ${untilStarted}
    echo '{"progress": {"message": "started"}}'; wait`,
};

describe('a command trainer', () => {
  let folder: string;
  let artifacts: ArtifactStore;
  let data: ArtifactRef;
  let list: CommandList;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-command-test-'));
    artifacts = openFileArtifacts(join(folder, 'artifacts'));
    data = await artifacts.put(new TextEncoder().encode('PAR1'), MEDIA_TYPES.parquet);
    const scripts = Object.entries(SCRIPTS).map(async ([name, body]) => {
      const path = join(folder, `${name}.sh`);
      await writeFile(path, `#!/bin/bash\n${body}\n`);
      await chmod(path, 0o755);
      return [name, [path]] as const;
    });
    list = Object.fromEntries(await Promise.all(scripts));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  type Changes = Partial<Pick<CommandTraining, 'checkpoint' | 'stalledAfterMs' | 'signal' | 'onCheckpoint'>>;

  async function train(trainer: string, changes: Changes & { wall?: string; cpuSeconds?: number } = {}) {
    const { wall = '30s', cpuSeconds = 20, ...others } = changes;
    const commands = createCommandPort(list);
    const request = TrainerRequest.parse({
      requestVersion: 1,
      runId: 'r1',
      trainer,
      parameters: {},
      seed: 1,
      task: 'binary',
      classes: [],
      features: [{ name: 'distance', categorical: false }],
      data,
      sample: [0],
      limits: { wall, cpuSeconds, memoryMb: 600 },
    });
    const run = await mkdtemp(join(folder, 'run-'));
    const training: CommandTraining = {
      request,
      command: await commands.find(trainer),
      attempt: 1,
      checkpoint: null,
      folder: run,
      stalledAfterMs: 20_000,
      signal: new AbortController().signal,
      onCheckpoint: () => undefined,
      ...others,
    };
    return { run, answer: trainWithCommand({ artifacts, commands }, training) };
  }

  const childOf = async (run: string): Promise<number> => Number(await readFile(join(run, 'pid'), 'utf8'));

  async function isGone(pid: number): Promise<boolean> {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
    return stat === null || ['Z', 'X'].includes(stat.split(') ')[1]?.[0] ?? '');
  }

  it('leaves model, sample predictions, metrics and its log with the run, and sees none of our environment', async () => {
    const answer = await (await train('succeeds')).answer;
    expect(answer).toMatchObject({ output: 'p', attempt: 1, metrics: [{ step: 1, loss: 0.5 }] });
    expect(answer.environment).toEqual({ packages: { bash: '5' } });
    expect(new TextDecoder().decode(await artifacts.get(answer.onnx))).toBe('PAR1');
    const predictions = answer.samplePredictions === null ? null : await artifacts.get(answer.samplePredictions);
    expect(SamplePredictions.parse(JSON.parse(new TextDecoder().decode(predictions ?? undefined)))).toEqual({
      predictions: [[0.25]],
    });
    const log = new TextDecoder().decode(answer.log === null ? undefined : await artifacts.get(answer.log));
    const [first, ...environment] = log.trim().split('\n');
    expect(first).toBe('"trainer":"succeeds"');
    const names = environment.map((line) => line.split('=')[0]).sort();
    expect(names).toEqual(
      ['HOME', 'LANG', 'OLDPWD', 'PATH', 'PERENNIAL_COMMAND_RUN', 'PWD', 'SHLVL', 'TMPDIR', '_'].filter((n) =>
        names.includes(n),
      ),
    );
  });

  it('has the digest of its program in the lineage', async () => {
    const before = (await createCommandPort(list).find('fails')).digest;
    expect((await createCommandPort(list).find('fails')).digest).toBe(before);
    await writeFile(join(folder, 'fails.sh'), '#!/bin/bash\nexit 0\n');
    expect((await createCommandPort(list).find('fails')).digest).not.toBe(before);
  });

  it('is refused unless it is on the list', async () => {
    await expect(train('rm')).rejects.toMatchObject({ code: 'PRN_TRAINER_COMMAND', status: 422 });
    await expect(createCommandPort({ sh: ['sh', '-c', 'true'] }).find('sh')).rejects.toMatchObject({
      code: 'PRN_TRAINER_COMMAND',
      message: expect.stringContaining('is not the absolute path of a program'),
    });
  });

  it.each([
    [
      'fails',
      { code: 'PRN_TRAINER_FAILED', retryable: false },
      { reason: 'it ended with exit code 3', log: 'no such column' },
    ],
    ['crashes', { code: 'PRN_TRAINER_CRASHED', retryable: true }, { how: 'by SIGSEGV' }],
    ['complains', { code: 'PRN_TRAINING_DIVERGED', retryable: false }, { problem: 'loss is nan' }],
    ['diverges', { code: 'PRN_TRAINING_DIVERGED', retryable: false }, { iteration: 2, problem: 'loss is NaN' }],
    ['hoards', { code: 'PRN_TRAINER_LIMIT', retryable: false }, { limit: 'memory' }],
    ['fills', { code: 'PRN_TRAINER_LIMIT', retryable: false }, { limit: '8 GB in one file' }],
    ['forgets', { code: 'PRN_TRAINER_OUTPUT', retryable: false }, { problem: 'output/answer.json is missing' }],
    ['links', { code: 'PRN_TRAINER_OUTPUT', retryable: false }, { problem: 'output/model.onnx is not a file' }],
    ['pipes', { code: 'PRN_TRAINER_OUTPUT', retryable: false }, { problem: 'output/answer.json is not a file' }],
  ])('that %s ends as %o', async (name, error, details) => {
    await expect((await train(name)).answer).rejects.toMatchObject({ ...error, details });
  });

  it('is ended at its wall time, with all that it started', async () => {
    const { run, answer } = await train('hangs', { wall: '1s' });
    await expect(answer).rejects.toMatchObject({ code: 'PRN_TRAINER_LIMIT', details: { limit: '1 s of wall time' } });
    const child = await childOf(run);
    await expect.poll(() => isGone(child)).toBe(true);
  });

  it('is ended at its CPU time', async () => {
    await expect((await train('burns', { cpuSeconds: 1 })).answer).rejects.toMatchObject({
      code: 'PRN_TRAINER_LIMIT',
      details: { limit: '1 s of CPU time' },
    });
  });

  it('is ended when it falls silent', async () => {
    await expect((await train('hangs', { stalledAfterMs: 800 })).answer).rejects.toMatchObject({
      code: 'PRN_TRAINER_STALLED',
      retryable: true,
    });
  });

  it('is ended when its run is cancelled', async () => {
    const controller = new AbortController();
    const { run, answer } = await train('hangs', { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('cancelled by a person')), 600);
    await expect(answer).rejects.toThrow('cancelled by a person');
    const child = await childOf(run);
    await expect.poll(() => isGone(child)).toBe(true);
  });

  it('is ended when its run was cancelled while it was being started', async () => {
    const [commands, controller] = [createCommandPort(list), new AbortController()];
    const ended = commands.run({
      command: await commands.find('keeps'),
      folder: await mkdtemp(join(folder, 'run-')),
      wallMs: 60_000,
      stalledAfterMs: 60_000,
      cpuSeconds: 20,
      memoryMb: 600,
      signal: controller.signal,
      onReport: async () => undefined,
    });
    controller.abort(new Error('cancelled at once'));
    await expect(ended).rejects.toThrow('cancelled at once');
  });

  it('gets its last checkpoint back', async () => {
    const kept: ArtifactRef[] = [];
    const first = await train('resumes', { onCheckpoint: (checkpoint) => kept.push(checkpoint) });
    await expect(first.answer).rejects.toMatchObject({ code: 'PRN_TRAINER_CRASHED' });
    const [checkpoint = null] = kept;
    const second = await train('resumes', { checkpoint });
    await expect(second.answer).rejects.toMatchObject({ details: { log: 'half way' } });
  });

  it('keeps of a long log its end, and of many metrics some that are evenly spread, with the last', async () => {
    const { metrics, log } = await (await train('says_much')).answer;
    expect(metrics.slice(0, 3)).toEqual([0, 4, 8].map((step) => ({ step, loss: step })));
    expect(metrics.slice(-2)).toEqual([4_996, 4_999].map((step) => ({ step, loss: step })));
    expect(metrics).toHaveLength(1_251);
    expect(log?.bytes).toBe(16 * 2 ** 20);
    expect(new TextDecoder().decode(log && (await artifacts.get(log)))).toMatch(/\0the end\n$/);
  });

  it('cannot change what it left, by a link or a file that it holds open', async () => {
    const kept: ArtifactRef[] = [];
    const { run, answer } = await train('changes_what_it_left', {
      onCheckpoint: (checkpoint) => kept.push(checkpoint),
    });
    const { onnx } = await answer;
    await writeFile(join(run, 'best.onnx'), 'another model');
    expect(new TextDecoder().decode(await artifacts.get(onnx))).toBe('model\n');
    const [checkpoint] = kept;
    expect(checkpoint?.bytes).toBe('half way\n'.length);
    expect(new TextDecoder().decode(checkpoint && (await artifacts.get(checkpoint)))).toBe('half way\n');
  });

  it('keeps no checkpoint that is a link', async () => {
    const kept: ArtifactRef[] = [];
    const { answer } = await train('keeps_a_link', { onCheckpoint: (checkpoint) => kept.push(checkpoint) });
    await expect(answer).rejects.toMatchObject({ code: 'PRN_TRAINER_FAILED' });
    expect(kept).toEqual([]);
  });

  it('leaves no process behind when it ends by itself', async () => {
    const { run, answer } = await train('leaves_children');
    await expect(answer).rejects.toMatchObject({ code: 'PRN_TRAINER_OUTPUT' });
    const child = await childOf(run);
    await expect.poll(() => isGone(child)).toBe(true);
  });

  it('leaves no process behind that began a session of its own', async () => {
    const { run, answer } = await train('escapes');
    await expect(answer).rejects.toMatchObject({ code: 'PRN_TRAINER_OUTPUT' });
    expect(await isGone(await childOf(run))).toBe(true);
  });

  it('has ended although a process that nobody finds holds its output open', async () => {
    const { run, answer } = await train('hides');
    await expect(answer).rejects.toMatchObject({ code: 'PRN_TRAINER_OUTPUT' });
    const child = await childOf(run);
    expect(await isGone(child)).toBe(false);
    process.kill(child);
  });

  it('ends with a worker that is killed, and so does all that it started', async () => {
    const run = await mkdtemp(join(folder, 'run-'));
    const program = join(folder, 'loses_its_parent.sh');
    const worker = spawn(
      process.execPath,
      [fileURLToPath(new URL('command-worker.mjs', import.meta.url)), program, run],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    await once(worker.stdout, 'data');
    worker.kill('SIGKILL');
    const child = await childOf(run);
    await expect.poll(() => isGone(child), { timeout: 5_000 }).toBe(true);
  });

  it('ends with the reason why a report of it could not be taken', async () => {
    const reason = new Error('the disk is full');
    const refuse = (): never => {
      throw reason;
    };
    await expect((await train('keeps', { onCheckpoint: refuse })).answer).rejects.toBe(reason);
  });
});
