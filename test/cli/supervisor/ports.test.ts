import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LOOPBACK, PortChooser, freePort } from '../../../cli/supervisor/ports.js';

describe('a port chooser', () => {
  let server: Server;
  let usedPort: number;

  beforeEach(async () => {
    usedPort = await freePort();
    server = createServer();
    await new Promise<void>((resolve) => server.listen(usedPort, LOOPBACK, resolve));
  });

  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
  });

  it('takes the preferred port where it is free and another one where it is used', async () => {
    const preferred = await freePort();
    const chooser = new PortChooser('preferred');
    expect(await chooser.choose({ process: 'the API', option: '--api-port', preferred })).toBe(preferred);
    expect(await chooser.choose({ process: 'serving', option: '--serving-port', preferred })).not.toBe(preferred);
    expect(await chooser.choose({ process: 'serving', option: '--serving-port', preferred: usedPort })).not.toBe(
      usedPort,
    );
  });

  it('refuses a used port that was asked for by number', async () => {
    const wish = { process: 'the API', option: '--api-port', preferred: 8080, fixed: usedPort };
    await expect(new PortChooser('free').choose(wish)).rejects.toMatchObject({
      code: 'PRN_PORT_IN_USE',
      message: `Port ${usedPort} for the API is already in use; stop that program or choose another with --api-port.`,
    });
  });
});
