// SPDX-License-Identifier: AGPL-3.0-or-later
// A house of its own for a journey: the built binary on an empty folder and a free port.
import { spawn, execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const bin = resolve(import.meta.dirname, '../../../bin');
const run = promisify(execFile);

async function freePort() {
  const s = createServer();
  await new Promise((ok) => s.listen(0, '127.0.0.1', ok));
  const { port } = s.address();
  await new Promise((ok) => s.close(ok));
  return port;
}

/** Starts a house; flags are further ones of `consend serve`. */
export async function start(...flags) {
  const dir = await mkdtemp(join(tmpdir(), 'consend-journey-'));
  const port = await freePort();
  const env = { ...process.env, LANG: 'en_GB.UTF-8' };
  const server = spawn(join(bin, 'consend'), ['serve', '--data', dir, '--listen', `127.0.0.1:${port}`, ...flags], { env });
  let out = '', err = '';
  server.stdout.on('data', (b) => { out += b; });
  server.stderr.on('data', (b) => { err += b; });
  const ended = new Promise((ok) => server.on('exit', (code) => ok(code)));
  const url = `http://127.0.0.1:${port}`;
  for (let left = 600; ; left--) {
    const up = await fetch(url + '/readyz').then((r) => r.ok, () => false);
    if (up) break;
    if (left === 0 || server.exitCode !== null) throw new Error('the server did not start:\n' + out + err);
    await new Promise((ok) => setTimeout(ok, 50));
  }
  // The words of the start come right after it is ready.
  for (let left = 100; left > 0 && !out.includes('Ctrl-C'); left--) await new Promise((ok) => setTimeout(ok, 50));
  return {
    dir, url,
    said: () => out,
    log: () => err,
    /** Runs a command beside the server: through its socket. */
    command: (...args) => run(join(bin, 'consend'), [...args, '--data', dir], { env }),
    verify: (...args) => run(join(bin, 'consend-verify'), args, { env }),
    async stop() {
      server.kill('SIGTERM');
      const code = await ended;
      await rm(dir, { recursive: true, force: true });
      if (code !== 0) throw new Error(`the server ended with ${code}:\n${err}`);
    },
  };
}
