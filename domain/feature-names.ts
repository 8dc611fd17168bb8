/** How features are asked for by name, and what they are called in the answer. */
import { DomainError } from './errors.js';

/** A feature of a view, under the alias of the view if it has one. */
export interface NamedFeature {
  /** The alias, or the view's own name. */
  readonly use: string;
  readonly feature: string;
}

/** `view:feature` for one feature, `view` for all of a view. */
export function parseFeatureName(text: string): { view: string; feature?: string } {
  const colon = text.indexOf(':');
  return colon < 0 ? { view: text } : { view: text.slice(0, colon), feature: text.slice(colon + 1) };
}

/** Name of a view's feature whatever other views there are; hyphens would not do in column names. */
export function fullFeatureName({ use, feature }: NamedFeature): string {
  return `${use.replaceAll('-', '_')}__${feature}`;
}

/**
 * Names in the order of the features: bare ones unless full ones are asked for. Throws `PRN_FEATURE_NAME_CLASH` where two
 * views have a feature of one name; names that differ in case only are one to the table engine.
 */
export function outputNames(features: readonly NamedFeature[], fullNames: boolean): string[] {
  const names = features.map((each) => (fullNames ? fullFeatureName(each) : each.feature));
  const lower = names.map((name) => name.toLowerCase());
  const repeated = lower.find((name, index) => lower.indexOf(name) < index);
  if (repeated === undefined) return names;
  const clashing = features.filter((_feature, index) => lower[index] === repeated);
  throw new DomainError('PRN_FEATURE_NAME_CLASH', {
    name: names[lower.indexOf(repeated)] ?? repeated,
    views: [...new Set(clashing.map(({ use }) => use))].join(' and '),
    fullNames: clashing.map(fullFeatureName).join(' and '),
  });
}
