import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { SEARCH_ATTRIBUTES } from '../../domain/search-attributes.js';

const Service = z.object({
  command: z.array(z.string()),
  ports: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  healthcheck: z.object({ test: z.array(z.string()) }).optional(),
});
const Compose = z.object({ services: z.record(z.string(), Service) });

async function readCompose(): Promise<z.infer<typeof Compose>> {
  const path = fileURLToPath(new URL('../../docker-compose.yml', import.meta.url));
  return Compose.parse(parse(await readFile(path, 'utf8'), { merge: true }));
}

describe('docker-compose.yml', () => {
  it('has the roles of the local stack; all but Temporal have a health check', async () => {
    const { services } = await readCompose();
    expect(Object.keys(services).toSorted()).toEqual(['api', 'mongo', 'serving', 'temporal', 'worker']);
    const checked = Object.keys(services).filter((name) => services[name]?.healthcheck !== undefined);
    expect(checked.toSorted()).toEqual(['api', 'mongo', 'serving', 'worker']);
  });

  it('publishes ports on loopback only', async () => {
    const { services } = await readCompose();
    const published = Object.values(services).flatMap(({ ports }) => ports);
    expect(published.length).toBeGreaterThan(0);
    expect(published.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });

  it('registers the same search attributes as the local stack', async () => {
    const { services } = await readCompose();
    const registered = services['temporal']?.command
      .filter((argument) => argument.startsWith('--search-attribute='))
      .map((argument) => argument.slice('--search-attribute='.length));
    expect(registered).toEqual(Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => `${name}=${type}`));
  });

  it('starts the compiled entries of our own processes with one environment', async () => {
    const { services } = await readCompose();
    const own = ['api', 'worker', 'serving'].map((name) => services[name]);
    expect(own.map((service) => service?.command)).toEqual([
      ['dist/api/main.js'],
      ['dist/workers/main.js'],
      ['dist/serving/main.js'],
    ]);
    expect(new Set(own.map((service) => JSON.stringify(service?.environment))).size).toBe(1);
    expect(own[0]?.environment).toMatchObject({ MONGODB_URI: 'mongodb://mongo:27017/?replicaSet=rs0' });
  });
});
