/**
 * The one error catalogue. Each code fixes its HTTP status, whether a retry can help, and a message that says what was
 * expected, what came and what to do. `{name}` in a template is filled from the details of the error.
 */

interface CatalogueEntry {
  readonly status: number;
  readonly retryable: boolean;
  readonly template: string;
}

function entry(status: number, template: string, retryable = false): CatalogueEntry {
  return { status, retryable, template };
}

export const ERROR_CATALOGUE = {
  // requests and access
  PRN_REQUEST_INVALID: entry(400, 'Invalid {what}: {problem}.'),
  PRN_REQUEST_TOO_LARGE: entry(413, 'The request body is larger than {limitBytes} bytes; send less at a time.'),
  PRN_REQUEST_UNKNOWN_ROUTE: entry(404, 'No route {method} {path}; see /docs for the routes that exist.'),
  PRN_REQUEST_RATE_LIMITED: entry(429, 'Too many requests; wait {retryAfterSeconds} s and try again.', true),
  PRN_AUTH_MISSING: entry(401, 'This route needs an API key: send `Authorization: Bearer KEY`.'),
  PRN_AUTH_INVALID: entry(401, 'The API key is unknown, expired or revoked; ask an admin for a new one.'),
  PRN_AUTH_FORBIDDEN: entry(
    403,
    '{actor} has role {role}, but {action} needs role {required}; ask an admin for a grant.',
  ),
  PRN_IDEMPOTENCY_MISMATCH: entry(422, 'Idempotency-Key {key} was used before with another request; choose a new key.'),
  PRN_TIME_INVALID: entry(
    400,
    'Expected an ISO 8601 time or whole microseconds, from the year 1685 to 2255, got "{got}".',
  ),
  PRN_INTERNAL: entry(500, 'Something went wrong here (request {requestId}); the log of this process has the details.'),
  PRN_UNAVAILABLE: entry(503, '{what} cannot be reached right now: {reason}. The request can be repeated.', true),

  // resources
  PRN_RESOURCE_INVALID: entry(400, '{where}: {problem}. {remedy}'),
  PRN_RESOURCE_NOT_FOUND: entry(404, 'No {kind} named {name} exists{hint}.'),
  PRN_RESOURCE_REFERENCE: entry(422, '{where}: refers to {kind} {name}, which does not exist{hint}.'),
  PRN_RESOURCE_CYCLE: entry(
    422,
    'The resources refer to each other in a circle: {path}. Break one of these references.',
  ),
  PRN_RESOURCE_CONFLICT: entry(
    409,
    '{kind} {name} is at revision {actual}, not {expected}; read it again and re-apply.',
  ),
  PRN_RESOURCE_IN_USE: entry(409, '{kind} {name} is used by {users}; delete or change those first.'),

  // datasets
  PRN_DATASET_SOURCE_MISSING: entry(
    404,
    'Source {uri} does not exist or cannot be read; check the path on the machine that reads it.',
  ),
  PRN_DATASET_SOURCE_FORBIDDEN: entry(
    403,
    'Source {uri} lies outside the folders that this installation may read ({allowed}).',
  ),
  PRN_DATASET_SOURCE_UNREADABLE: entry(
    422,
    'Source {uri} is not readable as {format}{line}: {reason}. Nothing was ingested.',
  ),
  PRN_DATASET_SOURCE_IRREGULAR: entry(
    422,
    'Source {uri} is not a regular file (it is {got}), so it may never end; copy its content into a file first.',
  ),
  PRN_DATASET_SOURCE_CHANGED: entry(
    409,
    'Source {uri} changed while it was read ({what}); nothing was ingested, it is read again.',
    true,
  ),
  PRN_DATASET_SOURCE_TOO_LARGE: entry(
    413,
    'Source {uri} is larger than the limit of {limitBytes} bytes; split it, or raise PERENNIAL_SOURCE_MAX_BYTES.',
  ),
  PRN_DATASET_SOURCE_ENDLESS: entry(
    422,
    'Source {uri} did not end within {seconds} s; split it, or raise PERENNIAL_SOURCE_MAX_SECONDS.',
  ),
  PRN_DATASET_SOURCE_UNAVAILABLE: entry(503, 'Source {uri} cannot be read right now: {reason}.', true),
  PRN_DATASET_SOURCE_HOST: entry(
    403,
    'Source {uri}: {problem}. Hosts that may be read are listed in PERENNIAL_SOURCE_HOSTS ({allowed}).',
  ),
  PRN_DATASET_SCHEMA_CHANGE: entry(
    409,
    'Dataset {dataset} has versions, so its schema can only grow: {changes}. Or declare `mode: replace`, and let the next ingestion bring all rows anew.',
  ),
  PRN_FEATURE_VIEW_IN_USE: entry(
    409,
    'FeatureView {view} is read by {readers}, whose features would get no new rows once it changes. Declare the changed view under another name and let the next version of the model read that.',
  ),
  PRN_DATASET_QUERY_INVALID: entry(422, 'The query of dataset {dataset} cannot be used: {problem}.'),
  PRN_DATASET_SOURCE_FORMAT: entry(
    422,
    'Source {uri} does not tell its format; name it *.csv, .tsv, .json, .ndjson or .parquet (with .gz or .zst if compressed), or declare spec.format.',
  ),
  PRN_DATASET_SCHEMA_MISMATCH: entry(
    422,
    'Source {uri} does not fit dataset {dataset}: {problem}. Expected {expected}, got {got}.',
  ),
  PRN_DATASET_VALIDATION_FAILED: entry(422, 'Dataset {dataset} refused the source: {failures}.'),
  PRN_DATASET_HEAD_MOVED: entry(
    409,
    'Dataset {dataset} moved on while this version was prepared; the commit is repeated.',
    true,
  ),
  PRN_DATASET_UNINFERABLE: entry(422, 'No dataset can be drafted from {file}: {problem}.'),
  PRN_UPLOAD_NOT_FOUND: entry(404, 'Dataset {dataset} has no upload {uploadId}; send the file again.'),
  PRN_UPLOAD_TOO_LARGE: entry(
    413,
    'The upload is larger than the limit of {limitBytes} bytes; split the file, or raise PERENNIAL_UPLOAD_MAX_BYTES. Nothing was kept of it.',
  ),
  PRN_UPLOAD_INCOMPLETE: entry(
    400,
    'The upload ended after {bytes} bytes, before it was complete ({reason}); nothing was kept of it, send it again.',
  ),
  PRN_UPLOAD_DIGEST: entry(
    422,
    'The upload arrived with SHA-256 {actual}, but {header} said {expected}; nothing was kept of it, send it again.',
  ),
  PRN_QUARANTINE_NOT_FOUND: entry(404, 'No quarantine case {caseId} exists.'),
  PRN_QUARANTINE_CLOSED: entry(409, 'Quarantine case {caseId} is already {state}; nothing was changed.'),
  PRN_DATASET_EMPTY: entry(422, 'Dataset {dataset} has no committed version{hint}.'),

  // features
  PRN_EXPRESSION_INVALID: entry(400, 'Expression `{expression}`, position {position}: {problem}.'),
  PRN_SPINE_INVALID: entry(422, 'Spine {path} cannot be used: {problem}. It has the columns {columns}.'),
  PRN_FEATURE_MISSING: entry(400, 'Request field {field} is missing; the model needs {expected}.'),
  PRN_FEATURE_UNKNOWN: entry(404, 'Feature view {view} has no feature {feature}{hint}; it has {known}.'),
  PRN_FEATURE_NAME_CLASH: entry(
    400,
    'Several features would be called {name}: {views} have one each. Ask for full names, which are {fullNames}.',
  ),
  PRN_FEATURE_KEYS_MISSING: entry(400, 'Entity keys {missing} are missing; the features need {expected}{hint}.'),
  PRN_FEATURE_OUTPUT_UNKNOWN: entry(400, 'There are no features {missing} to give; there are {known}.'),
  PRN_RETRIEVAL_NOT_FINISHED: entry(409, 'Retrieval {retrievalId} is {state}, so it has no table yet{hint}.'),
  PRN_RETRIEVAL_ROWS: entry(
    500,
    'The join gave {actual} rows for {expected} questions, so nothing was kept of it; please report this.',
  ),
  PRN_FEATURE_VIEW_EMPTY: entry(422, 'Feature view {view} has not been materialised{hint}.'),

  // training and evaluation
  PRN_TRAINING_NO_ROWS: entry(422, 'The training dataset is empty: {reason}.'),
  PRN_TRAINING_ONE_CLASS: entry(
    422,
    'All {rows} training rows have the same label; a classifier needs rows of at least two classes.',
  ),
  PRN_TRAINING_CONSTANT_TARGET: entry(
    422,
    'All {rows} training rows have the label {value}; there is nothing to learn. Check the label expression, or train on more rows.',
  ),
  PRN_TRAINING_INVALID_LABEL: entry(
    422,
    '{refused} of {rows} rows have a label that is not {expected}, such as {example}; at most 1 % may be left out. Correct the label expression or the data.',
  ),
  PRN_TRAINING_UNKNOWN_CLASS: entry(
    422,
    '{refused} of {rows} holdout rows have a class that no training row has, such as {example}; at most 1 % may be left out. Train on a longer stretch, or split otherwise.',
  ),
  PRN_TRAINING_TOO_MANY_CLASSES: entry(
    422,
    'The training part has more than {limit} classes; is the label an identifier or a number? A regression model predicts numbers.',
  ),
  PRN_TRAINING_TOO_MANY_CATEGORIES: entry(
    422,
    'Input {input} has about {categories} different texts in the training rows, more than {limit}: an identifier, from which nothing can be learnt. Group it in its dataset, or take it out of the model.',
  ),
  PRN_TRAINING_EMPTY_FEATURE: entry(
    422,
    'Feature {feature} has no value in any of the {rows} training rows; check where it comes from, or take it out of the model.',
  ),
  PRN_TRAINING_INFINITE_FEATURE: entry(
    422,
    'Feature {feature} is infinite in {infinite} of {rows} training rows (float32 ends at 3.4e38); bound it in its expression, or refuse such rows by an expectation.',
  ),
  PRN_TRAINING_NO_INFORMATION: entry(
    422,
    'Every feature ({features}) has one value in all {rows} training rows; there is nothing to learn from.',
  ),
  PRN_TRAINING_INVALID_PARAMETER: entry(400, 'Training parameter {parameter} must be {expected}, got {got}.'),
  PRN_TRAINING_DIVERGED: entry(422, 'Training diverged at iteration {iteration}: {problem}.'),
  PRN_SEARCH_INVALID: entry(400, 'The search of model {model} cannot be run: {problem}. {remedy}'),
  PRN_SEARCH_VALIDATION: entry(
    422,
    'The search of model {model} has {fitRows} rows to fit and {validationRows} to judge on, of {rows} training rows: {problem}. Put more or less aside in `search.validation`, or train on more rows.',
  ),
  PRN_SEARCH_FAILED: entry(
    422,
    'No trial of the search of model {model} could be judged, the declared parameters included: {reason}. Correct those, or the space of the search.',
  ),
  PRN_TRAINER_UNKNOWN: entry(
    422,
    'No trainer is called {trainer}; there are {known}. Register it, or correct the name.',
  ),
  PRN_TRAINER_FAILED: entry(422, 'The trainer failed: {reason}. The end of its log: {log}'),
  PRN_TRAINER_CRASHED: entry(
    503,
    'The process of the trainer ended {how} before it had a model; the run goes on from its last checkpoint. The end of its log: {log}',
    true,
  ),
  PRN_TRAINER_STALLED: entry(
    503,
    'The trainer reported nothing for {seconds} s and was ended; the run goes on from its last checkpoint. The end of its log: {log}',
    true,
  ),
  PRN_TRAINER_MEMORY: entry(
    503,
    'The trainer ran out of memory ({reason}); give it more, fewer rows or smaller parameters.',
    true,
  ),
  PRN_TRAINER_LIMIT: entry(422, 'The trainer was ended at its limit of {limit}; raise `limits`, or train on less.'),
  PRN_TRAINER_COMMAND: entry(
    422,
    'Command {command} cannot be run here: {problem}. An operator lists commands in PERENNIAL_TRAINER_COMMANDS of the compute workers.',
  ),
  PRN_TRAINER_ESTIMATOR: entry(422, 'The model that the trainer returned cannot be exported: {problem}.'),
  PRN_TRAINER_OUTPUT: entry(422, 'What the trainer left behind cannot be used: {problem}. See docs/trainers.md.'),
  PRN_TRAINER_NOT_ONNX: entry(422, 'The trainer did not leave an ONNX model that can be run: {problem}.'),
  PRN_TRAINER_INPUTS: entry(422, 'The ONNX model of the trainer takes other inputs: expected {expected}, got {got}.'),
  PRN_TRAINER_OUTPUTS: entry(422, 'The ONNX model of the trainer gives other outputs: expected {expected}, got {got}.'),
  PRN_TRAINER_PREDICTIONS: entry(422, 'The predictions of the trained model cannot be used: {problem}.'),
  PRN_TRAINER_DISAGREES: entry(
    422,
    'The ONNX model and the trained estimator disagree on {rows} of {sampleRows} sample rows, by up to {difference} where {tolerance} is allowed. The export of this estimator is not faithful; choose another, or return ONNX yourself.',
  ),
  PRN_RUN_TOKEN_INVALID: entry(401, 'The token does not open the files of run {runId}, or that run is over.'),
  PRN_RUN_FILES_FULL: entry(
    413,
    'Run {runId} was left {files} files of {bytes} bytes by its trainers; {maxFiles} files and {maxBytes} bytes are allowed. Keep fewer or smaller checkpoints, or raise PERENNIAL_UPLOAD_MAX_BYTES.',
  ),
  PRN_RUN_FILE_MISSING: entry(404, 'Run {runId} has no file {file} for its trainer.'),
  PRN_ONNX_INVALID: entry(422, 'The ONNX model cannot be used: {problem}.'),
  PRN_COMPUTE_INTERRUPTED: entry(503, 'The compute process ended before the job did ({reason}); it is repeated.', true),
  PRN_COMPUTE_STALLED: entry(503, 'The job reported no progress for {seconds} s and was ended; it is repeated.', true),

  // tracking
  PRN_EXPERIMENT_NOT_FOUND: entry(404, 'No experiment {experiment} exists{hint}.'),
  PRN_EXPERIMENT_EXISTS: entry(409, 'Experiment {name} exists already, with id {experimentId} ({lifecycle}).'),
  PRN_RUN_NOT_FOUND: entry(404, 'No run {runId} exists.'),
  PRN_RUN_DELETED: entry(409, 'Run {runId} is deleted; restore it before it is written to.'),
  PRN_RUN_PARAM_CHANGED: entry(
    409,
    'Parameter {key} of run {runId} is written once: it is {stored}, and {got} came. Log another parameter, or a tag, which may change.',
  ),
  PRN_RUN_FULL: entry(
    422,
    'The {what} of run {runId} would take more than {mib} MiB, which is all there is for them in one run; nothing was written. Leave out what nobody compares, or begin another run.',
  ),
  PRN_EXPERIMENT_FULL: entry(
    422,
    'Experiment {experiment} takes {mib} MiB, which is all there is for one; nothing was written. Take tags away first.',
  ),
  PRN_RUN_STALE_WRITER: entry(
    409,
    'Run {runId} is held by {holder}, and this write came with epoch {epoch}; nothing was written. Take the lease again before going on.',
  ),
  PRN_RUN_HELD: entry(
    409,
    'Run {runId} is held by {owner} (epoch {epoch}) until {until}; wait until it is given back or runs out.',
  ),
  PRN_RUN_SEARCH_INVALID: entry(400, 'Search text {text}, position {position}: {problem}.'),
  PRN_RUN_PAGE_INVALID: entry(
    400,
    'The page token does not belong to this search; repeat the search with the same filter and order, or begin anew.',
  ),
  PRN_RUN_STREAMS_BUSY: entry(503, 'All {limit} event streams of this process are in use; try again shortly.', true),

  // registry and governance
  PRN_MODEL_VERSION_NOT_FOUND: entry(404, 'Model {model} has no version {version}.'),
  PRN_MODEL_CONTRACT: entry(
    422,
    'The graph of a version of {model} computes another feature plan than its bundle declares, so it is not served. ' +
      'Train the version again.',
  ),
  PRN_MODEL_NOT_CERTIFIED: entry(
    404,
    'Version {version} of {model} has no skew certificate yet; the pipeline makes it before the staging checks.',
  ),
  PRN_MODEL_NO_CHAMPION: entry(404, 'Model {model} had no version in production{when}.'),
  PRN_REGISTRY_STAGE_CONFLICT: entry(409, 'Version {version} of {model} is {actual}, so it cannot become {wanted}.'),
  PRN_REGISTRY_VERSION_CONFLICT: entry(
    409,
    'Request {requestId} already created version {version} with another content digest.',
  ),
  PRN_REGISTRY_STALE_EVIDENCE: entry(
    409,
    'The champion of {model} changed since version {version} was judged; evaluate and ask again.',
  ),
  PRN_APPROVAL_NOT_FOUND: entry(404, 'No approval {approvalId} exists.'),
  PRN_APPROVAL_CLOSED: entry(409, 'Approval {approvalId} is already {outcome}; nothing was changed.'),
  PRN_APPROVAL_REASON_REQUIRED: entry(400, 'A rejection needs a reason of at least three characters.'),
  PRN_AUDIT_BROKEN: entry(500, 'The audit chain {scope} is broken at entry {seq}: {problem}.'),

  // artefacts and tables
  PRN_ARTIFACT_MISSING: entry(404, 'Artefact {uri} is missing from the store.'),
  PRN_ARTIFACT_CORRUPT: entry(500, 'Artefact {uri} has digest {actual}, expected {expected}; restore it from a copy.'),
  PRN_STORAGE_FULL: entry(
    507,
    'No space is left where {what} is written; free some on that volume. Nothing was kept of it.',
    true,
  ),
  PRN_OUTPUT_UNWRITABLE: entry(403, '{path} cannot be written: {reason}. Name another file.'),
  PRN_TABLE_QUERY_FAILED: entry(500, 'The table engine refused a query: {reason}.'),
  PRN_TABLE_INTERRUPTED: entry(503, 'The table query was interrupted: {reason}.', true),

  // endpoints and serving
  PRN_ENDPOINT_NOT_FOUND: entry(404, 'Request for unknown model: endpoint {endpoint} does not exist{hint}.'),
  PRN_ENDPOINT_NOT_READY: entry(503, 'Endpoint {endpoint} has no version to serve yet.', true),
  PRN_ENDPOINT_VERSION_UNAVAILABLE: entry(
    404,
    'Request for unknown model: version {version} of endpoint {endpoint} is neither routed nor in staging.',
  ),
  PRN_ENDPOINT_CONTROLLED: entry(409, 'Endpoint {endpoint} is controlled by {controller}; wait for it or abort it.'),
  PRN_ENDPOINT_SUPERSEDED: entry(409, 'Control of endpoint {endpoint} passed to another workflow (epoch {epoch}).'),
  PRN_INFERENCE_INPUT: entry(400, 'Input {input}: {problem}.'),
  PRN_INFERENCE_FAILED: entry(500, 'Version {version} of endpoint {endpoint} could not score the rows: {problem}.'),
  PRN_SERVING_OVERLOADED: entry(503, 'The server has {queued} requests waiting; try again shortly.', true),

  // workflows
  PRN_WORKFLOW_NOT_FOUND: entry(404, 'No workflow {workflowId} is known{hint}.'),
  PRN_ROLLOUT_NOT_FOUND: entry(404, 'No rollout {rolloutId} exists.'),
  PRN_PIPELINE_NOT_FOUND: entry(404, 'No pipeline {pipelineId} exists.'),
  PRN_PIPELINE_NOT_JUDGED: entry(
    404,
    'Pipeline {pipelineId} has no evidence: its candidate was not evaluated (stage {stage}, outcome {outcome}).',
  ),
  PRN_RETRAINING_NOT_ON_CODE: entry(
    422,
    'Model {model} is not trained by changes of the code: its retraining.on lists {on}. Add code to it, or leave codeRevision out.',
  ),
  PRN_WORKFLOW_INVARIANT: entry(500, 'Workflow {workflow} reached a state that should be impossible: {problem}.'),

  // set-up and processes
  PRN_CONFIG_INVALID: entry(500, 'Configuration: {problem}.'),
  PRN_ENGINE_MISSING: entry(500, '{engine}: {problem}'),
  PRN_PROCESS_NOT_HEALTHY: entry(500, '{process} did not become healthy: {reason}. Its log is {logPath}.'),
  PRN_STACK_NOT_RUNNING: entry(
    404,
    'No Perennial runs with data folder {folder}; start it with `perennial up --data {folder}`.',
  ),
  PRN_PORT_IN_USE: entry(
    500,
    'Port {port} for {process} is already in use; stop that program or choose another with {option}.',
  ),
  PRN_DATA_FOLDER_IN_USE: entry(
    500,
    'Data folder {folder} is used by a running Perennial (pid {pid}); run `perennial down --data {folder}` first.',
  ),
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** The only error class of Perennial: a catalogue code and the details that fill its message. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: { cause?: unknown }) {
    super(renderTemplate(ERROR_CATALOGUE[code].template, details), options);
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return ERROR_CATALOGUE[this.code].status;
  }

  get retryable(): boolean {
    return ERROR_CATALOGUE[this.code].retryable;
  }
}

/** True for our own errors, also when they crossed a thread or were rebuilt from JSON (never `instanceof` there). */
export function isDomainError(error: unknown): error is DomainError {
  return error instanceof Error && error.name === 'DomainError' && 'code' in error && isErrorCode(error.code);
}

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERROR_CATALOGUE, code);
}

function renderTemplate(template: string, details: ErrorDetails): string {
  return template.replace(/\{(\w+)\}/g, (_placeholder, key: string) => {
    const value = details[key];
    if (value === undefined) return '';
    if (typeof value === 'string') return value;
    return typeof value === 'bigint' ? value.toString() : JSON.stringify(value);
  });
}
