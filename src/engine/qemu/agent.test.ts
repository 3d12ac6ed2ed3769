// What running a command in a guest comes to, against a socket that answers as QEMU's guest agent does.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { type AgentError, agentExec } from './agent.ts';

type Request = { execute: string; arguments?: { id?: number; path?: string } };

/** An agent that knows one program, and says of it what is given. */
async function agentThat(t: TestContext, status: Record<string, unknown>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'silversmith-'));
  const server = createServer((socket) => {
    socket.on('error', () => {});
    createInterface({ input: socket }).on('line', (line) => {
      const { execute, arguments: args } = JSON.parse(line.replace(/^[^{]*/, '')) as Request;
      const answer = {
        'guest-sync-delimited': { return: args?.id },
        'guest-exec':
          args?.path === 'known' ? { return: { pid: 1 } } : { error: { desc: 'No such file or directory' } },
        'guest-exec-status': { return: status },
      }[execute];
      socket.write(`${JSON.stringify(answer)}\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'agent.sock'), resolve));
  t.after(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });
  return join(folder, 'agent.sock');
}

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

  it('tells a missing agent, a program that cannot be run and one that does not end apart', async (t) => {
    const path = await agentThat(t, { exited: false });
    const why = (wanted: AgentError['why']) => (error: AgentError) => error.why === wanted;
    await assert.rejects(agentExec(`${path}.none`, ['known']), why('no agent'));
    await assert.rejects(agentExec(path, ['unknown']), why('not run'));
    await assert.rejects(agentExec(path, ['known'], 300), why('late'));
  });
});
