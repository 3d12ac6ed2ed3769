// Waiting by events, on a server whose answers and events the test chooses.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { envelope, json, scripted, silence } from '../client/scripted.ts';
import { entry } from '../server-process.ts';
import { defer, type Scope, waitFor } from '../support.ts';
import { inTerminal } from './pseudo-terminal.ts';

const thing = (type: 'image' | 'machine', status: string) => ({
  ...{ id: '1', type, ...envelope(200) },
  attributes: {
    ...{ id: 1, name: 'One', phase: null, progress: 0, softwares: [], status_reason: null },
    ...{ status, friendly_status: status },
  },
});

/** A server of one thing, whose status the test changes, with a stream of events or without. */
async function serverOf(
  t: Scope,
  type: 'image' | 'machine',
  { status, hasEvents }: { status: string; hasEvents: boolean },
) {
  const now = { status, isSilent: false };
  const streams: ServerResponse[] = [];
  const server = await scripted(t, (response, request) => {
    if (now.isSilent) return silence(response, request);
    if (!/\/events/.test(request.url ?? '')) {
      const steps = { steps: [], running: null, report: null };
      return json(200, { ...thing(type, now.status), ...steps })(response, request);
    }
    if (!hasEvents) return json(404, envelope(404))(response, request);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('retry: 1000\nid: 1\n\n');
    streams.push(response);
  });
  const { url, key, secret } = server.options;
  return {
    now,
    server,
    env: {
      PATH: process.env.PATH,
      ...{ SILVERSMITH_URL: url, SILVERSMITH_KEY: key, SILVERSMITH_SECRET: secret },
    },
    /** Resolves to a function that sends an event to whoever listens. */
    async heard() {
      await waitFor('somebody listens', () => streams.length > 0);
      return (what: string, facts: object) => {
        const event = { type: `${type}.${what}`, subject: { type, id: '1' }, ...facts };
        for (const stream of streams)
          stream.write(`event: ${type}.${what}\ndata: ${JSON.stringify(event)}\n\n`);
      };
    },
  };
}

/** Runs a command in a process without a terminal. */
function start(t: Scope, env: NodeJS.ProcessEnv, ...args: string[]) {
  const child = spawn(process.execPath, [entry, ...args], { env });
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    said.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said.err += chunk;
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  defer(t, async () => {
    child.kill('SIGKILL');
    await closed;
  });
  return { child, said, closed };
}

describe('a command that waits', { concurrency: 2 }, () => {
  it('tells what it hears, and asks when something has changed', async (t) => {
    const { env, now, heard } = await serverOf(t, 'machine', { status: 'off', hasEvents: true });
    now.status = 'installing';
    const { said, closed } = start(t, env, 'machine', 'start', '1');
    const send = await heard();
    await waitFor('its state is told', () => /machine 1: installing, 0 s/.test(said.err));
    // An answer that was on its way has no phase, so the event is sent until it is told.
    await waitFor('that is told', () => {
      send('progress', { status: 'installing', phase: 'making its disk', progress: 0.25 });
      return /installing, making its disk \(25 %\)/.test(said.err);
    });
    now.status = 'ready';
    send('changed', { status: 'ready' });
    assert.equal(await closed, 0, said.err);
    assert.match(said.out, /1 +One +ready/);
  });

  it('asks again and again where no events can be heard', async (t) => {
    const { env, now, server } = await serverOf(t, 'machine', {
      ...{ status: 'installing', hasEvents: false },
    });
    const { said, closed } = start(t, env, 'machine', 'show', '1', '--wait');
    await waitFor('it has asked several times', () => server.requests.length > 5);
    now.status = 'off';
    assert.equal(await closed, 0, said.err);
    assert.match(said.out, /1 +One +off/);
  });

  it('ends at Ctrl-C when the server takes its questions and does not answer', async (t) => {
    const { env, now, server } = await serverOf(t, 'machine', {
      ...{ status: 'creating', hasEvents: false },
    });
    const { child, said, closed } = start(t, env, 'machine', 'start', '1');
    await waitFor('it waits', () => /machine 1: creating/.test(said.err));
    now.isSilent = true;
    const before = server.requests.length;
    await waitFor('it asks in vain', () => server.requests.length > before);
    child.kill('SIGINT');
    assert.equal(await closed, 130, said.err);
    assert.match(said.err, /the work goes on.*silversmith machine show 1 --wait/);
  });

  it('goes on when nobody reads what it says', async (t) => {
    const { env, now, heard } = await serverOf(t, 'machine', {
      ...{ status: 'creating', hasEvents: true },
    });
    const { child, said, closed } = start(t, env, 'machine', 'start', '1');
    const send = await heard();
    await waitFor('it waits', () => /machine 1: creating/.test(said.err));
    child.stderr.destroy();
    child.stdout.destroy();
    send('progress', { status: 'creating', phase: 'booting' });
    now.status = 'ready';
    send('changed', { status: 'ready' });
    assert.equal(await closed, 0);
  });

  it('shows the last lines of a build, which cannot move the cursor or be too wide', async (t) => {
    const { env, now, heard } = await serverOf(t, 'image', { status: 'building', hasEvents: true });
    const terminal = inTerminal(t, { env, columns: 40, rows: 10 }, 'image', 'show', '1', '--wait');
    const send = await heard();
    await terminal.shows(/image 1: building/);
    const lines = ['\u001b]0;title\u0007', 'a\rb', 'tabs\t\t\t\t\t\t\t\t\tend', '日本'.repeat(40)];
    send('log', { lines: [...lines, ...Array.from({ length: 90 }, (_, at) => `line ${at}`)] });
    await terminal.shows(/line 89/);
    assert.doesNotMatch(terminal.shown(), /line 8[0-4]/, 'only the last of them fit');
    send('log', { lines });
    await terminal.shows(/日本/);
    const goesOn = { status: 'building', phase: 'installing', progress: 0.5, remaining_ms: 70_000 };
    await waitFor('the time that is left is shown', () => {
      send('progress', goesOn);
      return /50 %\), \d+ s, about (70|6\d) s left/.test(terminal.shown());
    });
    now.status = 'available';
    send('changed', { status: 'available' });
    assert.equal(await terminal.closed, 0, terminal.shown());
    const shown = terminal.shown();
    assert.ok(shown.includes('\\u001b]0;title\\u0007') && shown.includes('a\\u000db'), shown);
    assert.ok(!shown.includes('\u001b]') && !shown.includes('\u0007') && !shown.includes('\t'));
    const rows = shown.split('\u001b[').flatMap((part) => /^(\d+)A/.exec(part)?.[1] ?? []);
    assert.ok(rows.length > 0 && rows.every((up) => Number(up) <= 5), shown);
  });
});
