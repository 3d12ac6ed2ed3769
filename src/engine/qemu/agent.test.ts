// Runs commands in a guest through a socket that answers as QEMU's guest agent does, or wrongly.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { type AgentError, agentAnswers, agentExec, agentSetTime, agentShutdown } from './agent.ts';
import { monitorCall } from './qmp.ts';

type Request = { execute: string; arguments?: { id?: number; path?: string } };

/** A peer that listens at a socket. */
async function peerThat(t: TestContext, talk: (socket: Socket) => void): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'silversmith-'));
  const server = createServer((socket) => {
    socket.on('error', () => {});
    talk(socket);
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'agent.sock'), resolve));
  t.after(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });
  return join(folder, 'agent.sock');
}

/** Starts an agent that knows one program and reports the given status of it. */
const agentThat = (t: TestContext, status: unknown, pid: unknown = { pid: 1 }): Promise<string> =>
  peerThat(t, (socket) => {
    createInterface({ input: socket }).on('line', (line) => {
      const { execute, arguments: args } = JSON.parse(line.replace(/^[^{]*/, '')) as Request;
      const answer = {
        'guest-sync-delimited': { return: args?.id },
        'guest-exec':
          args?.path === 'known'
            ? { return: pid }
            : { error: { desc: 'No such file or directory' } },
        'guest-exec-status': { return: typeof status === 'function' ? status() : status },
      }[execute];
      socket.write(`${JSON.stringify(answer)}\n`);
    });
  });

/** Sends a chunk over and over, as fast as it is taken. */
const floodWith = (chunk: string) => (socket: Socket) => {
  const bytes = Buffer.from(chunk.repeat(Math.ceil(65_536 / chunk.length)));
  const more = () => {
    while (!socket.destroyed && socket.write(bytes));
  };
  socket.on('drain', more);
  more();
};

describe('a command in a guest', () => {
  it('gives what it printed and its exit status, also when a signal ended it', async (t) => {
    const printed = { exited: true, exitcode: 7, 'out-data': btoa('out'), 'err-data': btoa('err') };
    assert.deepEqual(await agentExec(await agentThat(t, printed), ['known']), {
      exitCode: 7,
      stdout: 'out',
      stderr: 'err',
    });
    const killed = await agentExec(await agentThat(t, { exited: true, signal: 9 }), ['known']);
    assert.equal(killed.exitCode, 137);
  });

  it('is not asked again and again for its end while something else will tell', async (t) => {
    const told = Promise.withResolvers<void>();
    let asked = 0;
    const path = await agentThat(t, () => {
      if (++asked === 1) setImmediate(told.resolve);
      return { exited: asked === 3, exitcode: 4 };
    });
    const ended = await agentExec(path, ['known'], { wake: told.promise });
    assert.deepEqual([ended.exitCode, asked], [4, 3]);
  });

  it('tells a missing agent, a program that cannot run and a program that does not end apart', async (t) => {
    const path = await agentThat(t, { exited: false });
    const why = (wanted: AgentError['why']) => (error: AgentError) => error.why === wanted;
    await assert.rejects(agentExec(`${path}.none`, ['known']), why('no agent'));
    await assert.rejects(agentExec(path, ['unknown']), why('not run'));
    await assert.rejects(agentExec(path, ['known'], { limitMs: 300 }), why('late'));
  });

  it('says that no agent answers when the agent is lost after it was found', async (t) => {
    const answers: ((socket: Socket) => void)[] = [
      (socket) => socket.destroy(),
      floodWith('\n'),
      floodWith('\0'),
    ];
    for (const answer of answers) {
      const path = await peerThat(t, (socket) => {
        const lines = createInterface({ input: socket }).on('error', () => {});
        lines.on('line', (line) => {
          const { execute, arguments: args } = JSON.parse(line.replace(/^[^{]*/, '')) as Request;
          if (execute === 'guest-exec') answer(socket);
          else socket.write(`${JSON.stringify({ return: args?.id })}\n`);
        });
      });
      await assert.rejects(agentExec(path, ['known']), { why: 'no agent' });
    }
  });
});

describe('the clock of a guest', () => {
  const agentAnswering = (t: TestContext, answer: (time: number) => unknown) =>
    peerThat(t, (socket) => {
      createInterface({ input: socket }).on('line', (line) => {
        const { execute, arguments: args } = JSON.parse(line.replace(/^[^{]*/, ''));
        const said = execute === 'guest-set-time' ? answer(args.time) : { return: args?.id };
        socket.write(`${JSON.stringify(said)}\n`);
      });
    });

  it('is set to the time of the host in nanoseconds', async (t) => {
    const before = Date.now();
    let set = 0;
    const path = await agentAnswering(t, (time) => {
      set = time / 1e6;
      return { return: {} };
    });
    assert.equal(await agentSetTime(path), true);
    assert.ok(set >= before && set <= Date.now());
  });

  it('counts as set without a program for the hardware clock, and not after another refusal', async (t) => {
    const refusing = (desc: string) => agentAnswering(t, () => ({ error: { desc } }));
    const hwclock = 'hwclock failed to set hardware clock to system time';
    assert.equal(await agentSetTime(await refusing(hwclock)), true);
    assert.equal(
      await agentSetTime(await refusing('Command guest-set-time has been disabled')),
      false,
    );
    assert.equal(await agentSetTime('/nowhere/agent.sock'), false);
  });
});

describe('a peer that is hostile', () => {
  for (const [what, chunk] of Object.entries({
    'bytes without an end': '\0',
    'opened objects without an end': '{"a":',
    'ends of lines': '\n',
    'lines that are no answers': '{\n',
    'answers to nothing': '{"return": {}}\n',
    'events of nothing': '{"event": 1}\n',
  }))
    it(`and sends ${what} is left after a bounded while, in bounded memory`, async (t) => {
      const path = await peerThat(t, floodWith(chunk));
      const before = process.memoryUsage.rss();
      const asked = performance.now();
      assert.equal(await agentAnswers(path, 1500), false);
      assert.equal(await agentShutdown(path, 1000), false);
      await assert.rejects(agentExec(path, ['known']), { why: 'no agent' });
      await monitorCall(path, 'query-status', undefined, 1500).catch(() => {});
      assert.ok(performance.now() - asked < 60_000);
      assert.ok(process.memoryUsage.rss() - before < 256 * 1024 ** 2);
    });

  it('and answers with anything is refused with a reason, or gives a status and texts', async (t) => {
    const odd: unknown[] = [null, 1, 'text', [], {}, { toString: 1 }, { desc: { toString: 1 } }];
    for (const status of odd) {
      const path = await agentThat(t, status, status);
      await assert.rejects(agentExec(path, ['known'], { limitMs: 200 }), {
        name: 'Error',
        why: 'late',
      });
    }
    for (const field of [...odd, -1, 1e300, 0.5]) {
      const status = {
        exited: true,
        exitcode: field,
        signal: field,
        'out-data': field,
        'err-data': field,
      };
      const { exitCode, stdout, stderr } = await agentExec(await agentThat(t, status), ['known']);
      assert.ok(Number.isInteger(exitCode) && exitCode >= 0 && exitCode <= 255);
      assert.ok(typeof stdout === 'string' && typeof stderr === 'string');
    }
    for (const error of odd) {
      const raw = await peerThat(t, (socket) => {
        socket.on('data', () => socket.write(`${JSON.stringify({ error })}\n`));
      });
      await assert.rejects(
        monitorCall(raw, 'query-status', undefined, 300),
        /^Error: qmp_capabilities: refused|text/,
      );
    }
  });

  it('and puts a nest of a million objects on one line is not parsed', async (t) => {
    const path = await peerThat(t, (socket) => {
      socket.on('data', () =>
        socket.write(`{"return":${'['.repeat(400_000)}${']'.repeat(400_000)}}\n`),
      );
    });
    await assert.rejects(monitorCall(path, 'query-status', undefined, 500), /not answered within/);
  });

  it('and prints more than is taken is told as that', async (t) => {
    const path = await agentThat(t, {
      exited: true,
      exitcode: 0,
      'out-data': 'A'.repeat(17 * 1024 ** 2),
    });
    await assert.rejects(agentExec(path, ['known']), /the answer has more than 16777216 bytes/);
  });

  it('and replaced its socket by a link, a pipe, a file or a folder is not spoken to, at once', async (t) => {
    let met = 0;
    const firstMet = Promise.withResolvers<void>();
    const other = await peerThat(t, () => {
      met++;
      firstMet.resolve();
    });
    const folder = await mkdtemp(join(tmpdir(), 'silversmith-'));
    t.after(() => rm(folder, { recursive: true }));
    const places = {
      link: join(folder, 'link'),
      pipe: join(folder, 'pipe'),
      file: join(folder, 'file'),
      folder,
    };
    await symlink(other, places.link);
    execFileSync('mkfifo', [places.pipe]);
    await writeFile(places.file, '');
    const asked = performance.now();
    for (const place of Object.values(places)) {
      assert.equal(await agentAnswers(place, 60_000), false, place);
      await assert.rejects(monitorCall(place, 'quit', undefined, 60_000));
    }
    assert.ok(performance.now() - asked < 60_000);
    assert.equal(met, 0);
    // The socket itself is, also under another name.
    await rename(other, join(folder, 'moved'));
    await assert.rejects(monitorCall(join(folder, 'moved'), 'quit', undefined, 50));
    await firstMet.promise;
    assert.equal(met, 1);
  });
});
