import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainingText } from '../../../cli/commands/train-output.js';
import { retrieveHistorical } from '../../../cli/local/historical.js';
import { trainLocally } from '../../../cli/local/training.js';
import { validateFile } from '../../../cli/local/validate.js';
import { type LocalWorld, openLocalWorld } from './local-world.js';

const EXAMPLE = 'examples/orders';

describe('the example of docs/without-servers.md', () => {
  let world: LocalWorld;
  let page: string;
  beforeAll(async () => {
    world = await openLocalWorld();
    page = await readFile('docs/without-servers.md', 'utf8');
  });
  afterAll(() => world.remove());

  const now = Date.UTC(2026, 0) * 1_000;
  async function retrieve(knowledge: 'as-known' | 'latest'): Promise<string> {
    const path = join(world.folder, 'training.csv');
    await retrieveHistorical({
      resources: join(EXAMPLE, 'resources'),
      spine: join(EXAMPLE, 'visits.csv'),
      tables: [{ dataset: 'orders', file: join(EXAMPLE, 'orders.csv') }],
      out: { path, ending: 'csv' },
      knowledge,
      fullNames: false,
      now,
    });
    return readFile(path, 'utf8');
  }

  it('shows the files as they are', async () => {
    expect(page).toContain(await readFile(join(EXAMPLE, 'orders.csv'), 'utf8'));
  });

  it('judges as the page says', async () => {
    const documents = join(EXAMPLE, 'resources/orders.yaml');
    const { report } = await validateFile({ documents, data: join(EXAMPLE, 'orders.csv'), tables: [], now });
    expect([report.outcome, report.rows, report.quarantined]).toEqual(['accepted', 5, 1]);
    expect(page).toContain(`  ${report.warnings[0]}\n`);
  });

  it('retrieves what the page shows: late data would have leaked and does not', async () => {
    expect(page).toContain(await retrieve('as-known'));
    expect((await retrieve('latest')).split('\n')[2]).toBe('ann,2024-05-03T12:00:00Z,0,35.0,45.0');
  });

  it('trains as the page says, and is refused as it says', { timeout: 60_000 }, async () => {
    const train = async (trainer?: string, out?: string): Promise<string> =>
      trainingText(
        await trainLocally({
          documents: 'examples/deliveries/resources',
          data: [{ dataset: null, file: 'examples/deliveries/deliveries.csv' }],
          trainer,
          now,
          onProgress: () => undefined,
        }),
        out,
      );
    expect(page).toContain(`--out made\n${await train(undefined, 'made')}\n`);
    const [verdict, reason] = (await train('baseline')).split('\n');
    expect(page).toContain(`--trainer baseline\n${verdict}\n${reason}\n`);
  });

  it('is quoted rightly by the guide to features', async () => {
    const guide = await readFile('docs/features.md', 'utf8');
    const ofAnn = (answer: string): string[] => answer.split('\n').filter((line) => line.startsWith('ann,'));
    expect(guide).toContain(`\n${ofAnn(await retrieve('as-known')).join('\n')}\n`);
    expect(guide).toContain(`\n${ofAnn(await retrieve('latest'))[1]}\n`);
  });
});
