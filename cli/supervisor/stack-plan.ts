import { type EngineChoice, type EngineName, ensureEngine } from '#scripts/engines.mjs';
import { findPythonEnvironment } from '#scripts/support/python-environment.mjs';
import { join } from 'node:path';
import { DomainError } from '../../domain/errors.js';
import { mongodSpec, temporalSpec } from './engine-specs.js';
import { packageRoot } from './package-root.js';
import { LOOPBACK, PortChooser } from './ports.js';
import { replicaSetUri } from './replica-set.js';
import { SERVICE_NAMES, type ServiceName, serviceSpec, trainerSpec } from './service-specs.js';
import type { ProcessName, StackAddresses } from './stack-state.js';
import type { ProcessSpec } from './supervised-process.js';

/** Ports that a user may fix on the command line. */
export interface FixedPorts {
  readonly mongo?: number | undefined;
  readonly temporal?: number | undefined;
  readonly ui?: number | undefined;
  readonly api?: number | undefined;
  readonly serving?: number | undefined;
}

/** What a stack is made of. */
export interface StackPlanInput {
  readonly dataDir: string;
  readonly services: readonly ServiceName[];
  readonly database: string;
  readonly ports: 'preferred' | 'free';
  readonly fixedPorts: FixedPorts;
  readonly webUi: boolean;
  /** Starts the Python worker as well, where its environment was set up. */
  readonly pythonTrainer: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly onProgress: (line: string) => void;
}

/** An engine that somebody else runs. */
export type ExternalEngine = Extract<EngineChoice, { kind: 'address' }>;

/** Processes in starting order: those of one tier start together, after all of the tier before. */
export interface StackPlan {
  readonly tiers: readonly (readonly ProcessSpec[])[];
  readonly addresses: StackAddresses;
  /** Engines that run elsewhere and have to answer before anything starts. */
  readonly external: readonly ExternalEngine[];
}

interface PlannedEngine {
  readonly address: string;
  readonly webUiUrl: string | null;
  readonly spec: ProcessSpec | undefined;
  readonly external: ExternalEngine | undefined;
}

/** Finds the engines, chooses all ports and writes down how each process is started. */
export async function planStack(input: StackPlanInput): Promise<StackPlan> {
  const chooser = new PortChooser(input.ports);
  const mongod = await planEngine('mongod', input, async (binary) => {
    const port = await chooser.choose({
      process: 'MongoDB',
      option: '--mongo-port',
      preferred: 27227,
      fixed: input.fixedPorts.mongo,
    });
    const spec = mongodSpec({ binary, dataDir: input.dataDir, logPath: logPath(input, 'mongod') }, port);
    return { address: replicaSetUri(port), webUiUrl: null, spec, external: undefined };
  });
  const temporal = await planEngine('temporal', input, async (binary) => planTemporal(binary, input, chooser));
  const ports = await chooseServicePorts(input, chooser);
  const addresses = addressesOf(input, { mongod, temporal, ports });
  const env = serviceEnvironment(input, addresses, ports);
  const services = SERVICE_NAMES.filter((name) => input.services.includes(name)).map((name) =>
    serviceSpec({ name, port: ports[name], env, logPath: logPath(input, name) }),
  );
  const trainer = await planTrainer(input, chooser, env);
  return {
    tiers: [
      [mongod.spec, temporal.spec].filter((spec) => spec !== undefined),
      [...services, ...(trainer === undefined ? [] : [trainer])],
    ],
    addresses,
    external: [mongod.external, temporal.external].filter((choice) => choice !== undefined),
  };
}

async function planTrainer(
  input: StackPlanInput,
  chooser: PortChooser,
  env: NodeJS.ProcessEnv,
): Promise<ProcessSpec | undefined> {
  if (!input.pythonTrainer) return undefined;
  const found = await findPythonEnvironment(packageRoot(), input.env);
  if (found === undefined) {
    input.onProgress('no environment for trainers in Python; `npm run setup` makes one');
    return undefined;
  }
  const port = await chooser.choose({ process: 'trainer health', option: '--api-port', preferred: 8092 });
  return trainerSpec({ interpreter: found.interpreter, port, env, logPath: logPath(input, 'trainer') });
}

async function planEngine(
  name: EngineName,
  input: StackPlanInput,
  plan: (binary: string) => Promise<PlannedEngine>,
): Promise<PlannedEngine> {
  const choice = await ensureEngine(name, { env: input.env, onProgress: input.onProgress }).catch((error: unknown) => {
    throw new DomainError('PRN_ENGINE_MISSING', {
      engine: name,
      problem: error instanceof Error ? error.message : error,
    });
  });
  if (choice.kind === 'binary') return plan(choice.path);
  const webUiUrl = name === 'temporal' ? (input.env['PERENNIAL_WEB_UI_URL'] ?? null) : null;
  return { address: choice.address, webUiUrl, spec: undefined, external: choice };
}

async function planTemporal(binary: string, input: StackPlanInput, chooser: PortChooser): Promise<PlannedEngine> {
  const { fixedPorts, webUi, dataDir } = input;
  const option = '--temporal-port';
  const uiWish = { process: 'the Temporal Web UI', option: '--ui-port', preferred: 8233, fixed: fixedPorts.ui };
  const ports = {
    grpc: await chooser.choose({ process: 'Temporal', option, preferred: 7233, fixed: fixedPorts.temporal }),
    http: await chooser.choose({ process: 'the Temporal HTTP API', option, preferred: 7243 }),
    metrics: await chooser.choose({ process: 'Temporal metrics', option, preferred: 7253 }),
    ui: webUi ? await chooser.choose(uiWish) : undefined,
  };
  return {
    address: `${LOOPBACK}:${ports.grpc}`,
    webUiUrl: ports.ui === undefined ? null : `http://${LOOPBACK}:${ports.ui}`,
    spec: temporalSpec({ binary, dataDir, logPath: logPath(input, 'temporal') }, ports),
    external: undefined,
  };
}

async function chooseServicePorts(input: StackPlanInput, chooser: PortChooser): Promise<Record<ServiceName, number>> {
  const { api, serving } = input.fixedPorts;
  return {
    api: await chooser.choose({ process: 'the API', option: '--api-port', preferred: 8080, fixed: api }),
    serving: await chooser.choose({ process: 'serving', option: '--serving-port', preferred: 8090, fixed: serving }),
    worker: await chooser.choose({ process: 'worker health', option: '--api-port', preferred: 8091 }),
  };
}

function addressesOf(
  { dataDir, services, database, env }: StackPlanInput,
  { mongod, temporal, ports }: { mongod: PlannedEngine; temporal: PlannedEngine; ports: Record<ServiceName, number> },
): StackAddresses {
  const urlOf = (name: ServiceName): string | null =>
    services.includes(name) ? `http://${LOOPBACK}:${ports[name]}` : null;
  return {
    mongodbUri: mongod.address,
    database,
    temporalAddress: temporal.address,
    temporalNamespace: env['TEMPORAL_NAMESPACE'] ?? 'default',
    webUiUrl: temporal.webUiUrl,
    apiUrl: urlOf('api'),
    servingUrl: urlOf('serving'),
    adminKeyFile: join(dataDir, 'admin-key'),
  };
}

function serviceEnvironment(
  { env, dataDir }: StackPlanInput,
  addresses: StackAddresses,
  ports: Record<ServiceName, number>,
): NodeJS.ProcessEnv {
  return {
    ...env,
    MONGODB_URI: addresses.mongodbUri,
    PERENNIAL_DATABASE: addresses.database,
    TEMPORAL_ADDRESS: addresses.temporalAddress,
    TEMPORAL_NAMESPACE: addresses.temporalNamespace,
    PERENNIAL_DATA: dataDir,
    // What a person can read from where they started the stack, it can ingest; of its own folder only what was put there.
    PERENNIAL_SOURCES: env['PERENNIAL_SOURCES'] ?? [join(dataDir, 'landing'), process.cwd()].join(':'),
    PERENNIAL_ADMIN_KEY_FILE: addresses.adminKeyFile,
    PERENNIAL_API_PORT: String(ports.api),
    PERENNIAL_API_URL: `http://${LOOPBACK}:${ports.api}`,
    PERENNIAL_SERVING_PORT: String(ports.serving),
    PERENNIAL_SERVING_URL: `http://${LOOPBACK}:${ports.serving}`,
    PERENNIAL_WORKER_HEALTH_PORT: String(ports.worker),
    ...(addresses.webUiUrl === null ? {} : { PERENNIAL_WEB_UI_URL: addresses.webUiUrl }),
    UV_THREADPOOL_SIZE: env['UV_THREADPOOL_SIZE'] ?? '8',
  };
}

function logPath({ dataDir }: StackPlanInput, name: ProcessName): string {
  return join(dataDir, 'logs', `${name}.log`);
}
