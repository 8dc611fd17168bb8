/** One training of the `train` benchmark in a process of its own, so that its memory can be told. */
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { GbdtParameters } from '../domain/gbdt-parameters.js';
import { rocAuc } from '../ml/evaluation/metrics.js';
import { quoteIdentifier, quoteText } from '../ml/features/expression/sql.js';
import { trainGradientBoosting } from '../ml/training/gbdt/trainer.js';
import { scoreEnsemble } from '../ml/training/score.js';
import { openTableEngine } from '../store/tables/engine.js';
import { boostingThreads } from '../workers/compute/boosting-threads.js';

const [file = '', trees = '', threads = ''] = process.argv.slice(2);

const { matrix, labels, columns } = await read(file);
const rows = Math.floor((labels.length * 4) / 5);
// From here on, the most memory this process holds; what reading took is past.
writeFileSync('/proc/self/clear_refs', '5');
const startedMs = performance.now();
const ensemble = trainGradientBoosting({
  task: 'binary',
  outputs: 1,
  matrix: matrix.subarray(0, rows * columns),
  rows,
  columns,
  labels: labels.subarray(0, rows),
  parameters: GbdtParameters.parse({ trees: Number(trees) }),
  seed: 1,
  teams: boostingThreads({ threads: Number(threads) }),
});
const seconds = (performance.now() - startedMs) / 1_000;
const peakMb = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1_024;
const held = labels.subarray(rows);
const auc = rocAuc(scoreEnsemble(ensemble, matrix.subarray(rows * columns), held.length), held);
console.log(JSON.stringify({ seconds, auc, peakMb }));

/** Column by column, into one row-major matrix. */
async function read(path: string): Promise<{ matrix: Float32Array; labels: Float32Array; columns: number }> {
  const tables = await openTableEngine({
    dataDirectories: [dirname(path)],
    spillDirectory: join(tmpdir(), 'perennial-bench-spill'),
  });
  try {
    return await tables.use(async (session) => {
      const relation = `read_parquet(${quoteText(path)})`;
      const described = await session.rows(`describe select * from ${relation}`);
      const names = described
        .filter(({ column_name: name, column_type: type }) => name !== 'label' && type !== 'VARCHAR')
        .map(({ column_name: name }) => String(name));
      const column = async (name: string): Promise<ArrayLike<number>> => {
        const found = await session.columns(
          `select coalesce(${quoteIdentifier(name)}::double, 'nan'::double) as v from ${relation}`,
        );
        const { v } = found.columns;
        if (v === undefined || v.type === 'string') throw new TypeError(`${name} holds no numbers`);
        return v.values;
      };
      const read = Float32Array.from(await column('label'));
      const filled = new Float32Array(read.length * names.length);
      for (const [index, name] of names.entries()) {
        const values = await column(name);
        for (let row = 0; row < read.length; row += 1) filled[row * names.length + index] = values[row] ?? Number.NaN;
      }
      return { matrix: filled, labels: read, columns: names.length };
    });
  } finally {
    await tables.close();
  }
}
