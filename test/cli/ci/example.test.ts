import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { registerCiCommand } from '../../../cli/commands/ci.js';

interface Workflow {
  readonly jobs: { readonly judge: { readonly steps: readonly { readonly run?: string }[] } };
}

describe('the workflow of examples/ci', () => {
  it('asks `perennial ci` for nothing that it does not have, and posts what it writes', async () => {
    const { jobs } = parse(await readFile('examples/ci/model-ci.yml', 'utf8')) as Workflow;
    const runs = jobs.judge.steps.flatMap(({ run }) => (run === undefined ? [] : [run]));
    const [, asked = ''] = runs.join('\n').split('main.js ci ');
    const program = new Command();
    registerCiCommand(program);
    const known = program.commands.flatMap(({ options }) => options.flatMap(({ long, short }) => [long, short]));
    const given = asked.split('\n')[0]?.match(/(?<=\s|^)--?[a-z][a-z-]*/g) ?? [];
    expect(given).toEqual(['-f', '--code-revision', '--wait', '--timeout', '--junit', '--report']);
    expect(known).toEqual(expect.arrayContaining([...given]));
    expect(runs.at(-1)).toContain('--body-file ci.md');
  });
});
