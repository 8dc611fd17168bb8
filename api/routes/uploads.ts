/** Uploads: files of any size, streamed into the artefact store, to be ingested by their id. */
import { z } from 'zod';
import { MEDIA_TYPES } from '../../domain/artifact.js';
import { DomainError, isDomainError } from '../../domain/errors.js';
import { formatOf } from '../../domain/source-format.js';
import { MICROS_PER_DAY } from '../../domain/time.js';
import { Upload, uploadAddress, uploadIdOf, whyBadFilename } from '../../domain/upload.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import type { ApiDependencies } from '../dependencies.js';
import { requireDeclared } from '../require-declared.js';
import { type Call, param, type Route, route, type StreamedBody } from '../route.js';
import { readExpectedDigest } from '../upload-digest.js';

const KEPT_DAYS = 7;

const UploadQuery = z.object({
  filename: z.string().meta({ description: 'Its endings tell format and compression, as in flights.csv.gz' }),
});
const UploadAnswer = Upload.extend({
  source: z.string().meta({ description: 'What an ingestion names as its source' }),
});

export function uploadRoutes(dependencies: ApiDependencies): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/datasets/:dataset/uploads',
      summary:
        'Send a file; the same bytes again are the same upload. `Digest` or `x-content-sha256` is checked if given',
      action: 'contribute',
      status: 201,
      streams: true,
      query: UploadQuery,
      response: UploadAnswer,
      handle: (call) => receiveUpload(dependencies, call),
    }),
    route({
      method: 'get',
      path: '/v1/datasets/:dataset/uploads/:upload',
      summary: 'One upload',
      action: 'read',
      response: UploadAnswer,
      async handle(call) {
        const [dataset, uploadId] = [param(call, 'dataset'), param(call, 'upload')];
        const upload = await dependencies.stores.uploads.upload(uploadId);
        if (upload?.dataset !== dataset) throw new DomainError('PRN_UPLOAD_NOT_FOUND', { dataset, uploadId });
        return { body: { ...upload, source: uploadAddress(uploadId) } };
      },
    }),
  ];
}

async function receiveUpload(
  { stores, now, uploadMaxBytes }: ApiDependencies,
  call: Call<unknown, z.infer<typeof UploadQuery>>,
) {
  const dataset = param(call, 'dataset');
  const { resource } = await requireDeclared(stores, 'Dataset', dataset);
  const { filename } = call.query;
  const spec = resource.kind === 'Dataset' ? resource.spec : null;
  const problem = spec?.query === undefined ? whyBadFilename(filename) : 'the dataset is made by a query';
  if (problem !== null) throw new DomainError('PRN_REQUEST_INVALID', { what: 'upload', problem });
  const { format, compression } = formatOf(filename, spec?.format);
  const file = await receive(stores.artifacts, call.stream, uploadMaxBytes);
  const { sha256 } = file;
  const uploadId = uploadIdOf(sha256Hex, { dataset, sha256, kind: `${format}/${compression ?? 'plain'}` });
  const { name: uploadedBy } = call.actor;
  const uploadedTs = now();
  const keepUntilTs = uploadedTs + KEPT_DAYS * MICROS_PER_DAY;
  const known = await stores.uploads.upload(uploadId);
  const upload = await stores.uploads.save({ uploadId, dataset, filename, file, uploadedBy, uploadedTs, keepUntilTs });
  if (known === null) {
    const details = { filename, sha256, bytes: file.bytes };
    const facts = { scope: `dataset/${dataset}`, actor: uploadedBy, action: 'dataset.uploaded', subject: uploadId };
    await stores.audit.append({ ...facts, details }, uploadedTs);
  }
  const location = `/v1/datasets/${dataset}/uploads/${uploadId}`;
  return { location, body: { ...upload, source: uploadAddress(uploadId) } };
}

async function receive(artifacts: ApiDependencies['stores']['artifacts'], body: StreamedBody, limitBytes: number) {
  requirePlainBody(body);
  const expected = readExpectedDigest(body);
  if (Number(body.header('content-length') ?? 0) > limitBytes)
    throw new DomainError('PRN_UPLOAD_TOO_LARGE', { limitBytes });
  let received = 0;
  const check = (bytes: number, actual: string | null): void => {
    received = bytes;
    if (bytes > limitBytes) throw new DomainError('PRN_UPLOAD_TOO_LARGE', { limitBytes });
    if (actual !== null && bytes === 0)
      throw new DomainError('PRN_REQUEST_INVALID', { what: 'upload', problem: 'it has no bytes' });
    if (actual !== null && expected !== null && actual !== expected.sha256)
      throw new DomainError('PRN_UPLOAD_DIGEST', { actual, header: expected.header, expected: expected.sha256 });
  };
  try {
    return await artifacts.receive(body.chunks, MEDIA_TYPES.bytes, check);
  } catch (error) {
    if (isDomainError(error) || !isCallerGone(error)) throw error;
    throw new DomainError('PRN_UPLOAD_INCOMPLETE', { bytes: received, reason: error.message }, { cause: error });
  }
}

/** Bytes are kept as they come, so a wrapping that is not part of the file must not be there. */
function requirePlainBody(body: StreamedBody): void {
  const encoding = body.header('content-encoding') ?? 'identity';
  const isForm = /^(multipart|application\/x-www-form-urlencoded)/i.test(body.header('content-type') ?? '');
  const problem = isForm
    ? 'send the bytes of the file as the body, not a form (curl: --data-binary @FILE with -H "content-type: application/octet-stream")'
    : `content-encoding ${encoding} is not unpacked; send the compressed file under its own name, such as flights.csv.gz`;
  if (isForm || encoding !== 'identity') throw new DomainError('PRN_REQUEST_INVALID', { what: 'upload', problem });
}

function isCallerGone(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return (
    /^(ECONNRESET|EPIPE|ERR_STREAM_PREMATURE_CLOSE|HPE_.*)$/.test(code) || error.message.startsWith('nothing came')
  );
}
