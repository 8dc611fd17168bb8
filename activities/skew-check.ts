/** The staging check that asks for proof that features are the same offline and online. */
import type { Sha256Hex } from '../domain/ids.js';
import type { ModelVersion } from '../domain/registry.js';
import { foreignTo, judgeSkew, SkewCertificate } from '../domain/skew-certificate.js';
import type { Stores } from '../store/contracts/index.js';
import type { StagingCheck } from '../workflows/contracts/registry.js';
import { getJson } from '../store/contracts/json-artifacts.js';

/** The certificate speaks for the version itself: judged again from its counts, not from what the document says of it. */
export async function checkCertificate(
  stores: Pick<Stores, 'artifacts'>,
  { bundle, skew }: Pick<ModelVersion, 'bundle' | 'skew'>,
  sha256Hex: Sha256Hex,
): Promise<StagingCheck> {
  const name = 'skew certificate';
  if (skew === undefined)
    return {
      name,
      passed: false,
      explanation: 'the version has none, so nothing shows that it computes as in training',
    };
  const certificate = await getJson(stores.artifacts, skew.certificate, SkewCertificate);
  const foreign = foreignTo(certificate, bundle, sha256Hex);
  if (foreign !== null)
    return { name, passed: false, explanation: `certificate ${skew.certificateId.slice(0, 12)}: ${foreign}` };
  const { verdict, problems } = judgeSkew(certificate);
  const explanation =
    verdict === 'valid'
      ? `${skew.comparisons} comparisons of ${skew.features} features, offline and online alike (${skew.certificateId.slice(0, 12)})`
      : problems.join('; ');
  return { name, passed: verdict === 'valid', explanation };
}
