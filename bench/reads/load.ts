// Loads a server by wrk, a program in C that takes a small part of what the server takes.

import { execFile } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { promisify } from 'node:util';
import { formatAuthorization, signedHead } from '../../src/contract/signing.ts';

export interface Key {
  key: string;
  secret: string;
}

export interface Measured {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

const script = new URL('load.lua', import.meta.url).pathname;

/** Signs `count` requests, for the paths in turn, into a file. */
export async function sign(
  file: string,
  count: number,
  paths: readonly string[],
  { key, secret }: Key,
): Promise<void> {
  const out = createWriteStream(file);
  for (let index = 0; index < count; index++) {
    const whole = paths[index % paths.length] ?? '/';
    const [path = ''] = whole.split('?');
    const [nonce, timestamp] = [randomUUID(), String(Date.now())];
    const head = signedHead({ key, method: 'GET', path, timestamp, nonce });
    const signature = createHmac('sha256', secret).update(head).digest('hex');
    const line = `${whole} ${formatAuthorization({ key, signature, nonce, timestamp })}\n`;
    if (!out.write(line)) await once(out, 'drain');
  }
  out.end();
  await finished(out);
}

/** Sends the signed requests for some seconds. Throws when an answer is not 200. */
export async function load(
  url: string,
  file: string,
  { seconds, connections }: { seconds: number; connections: number },
): Promise<Measured> {
  const options = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '30s', '-s', script];
  const { stdout } = await promisify(execFile)('wrk', [...options, url, '--', file]);
  const line = stdout.split('\n').find((one) => one.startsWith('{'));
  if (line === undefined) throw new Error(`wrk says: ${stdout}`);
  const { answers, us, bad, lost, p50, p99 } = JSON.parse(line);
  if (bad + lost > 0) throw new Error(`of ${answers} answers ${bad} are errors; ${lost} are lost`);
  return { perSecond: (answers * 1e6) / us, p50Ms: p50 / 1000, p99Ms: p99 / 1000 };
}
