/** `features`: as of any time, for many rows at once or for a few entities. */
import type { Command } from 'commander';
import { registerHistoricalFeatures } from './historical-features.js';
import { registerOnlineFeatures } from './online-features.js';

export function registerFeatureCommands(program: Command): void {
  const features = program.command('features').description('features as of any time');
  registerHistoricalFeatures(features);
  registerOnlineFeatures(features);
}
