// Runs a command in a machine through its guest agent.

import { join } from 'node:path';
import { AppError } from '../../domain/error.ts';
import type { MachineId } from '../../domain/ids.ts';
import type { ExecResult, ExecSpec } from '../optional/exec.ts';
import { AgentError, agentExec, awaitAgent } from './agent.ts';
import { findProcess, type Own } from './process.ts';

/**
 * A guest may say that it is ready a moment before its agent is. Another caller, such as the
 * renewal of an identity, may hold the agent for a minute.
 */
const patience = { limitMs: 60_000, pollMs: 1000, silentMax: 2 };

export async function execIn(
  { machineId: id, command }: ExecSpec,
  signal: AbortSignal,
  own: Own,
): Promise<ExecResult> {
  const running = await findProcess(own, 'machine', id);
  if (!running)
    throw new AppError(
      'machine_not_ready',
      `Machine ${id} is off; start it: silversmith machine start ${id}`,
    );
  const agent = join(running.folder, 'agent.sock');
  await awaitAgent(agent, patience, signal);
  try {
    return await agentExec(agent, command, { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AgentError)) throw error;
    throw new AppError('unavailable', notRun(id, command[0] ?? '', error), {
      detail: error.message,
    });
  }
}

function notRun(id: MachineId, command: string, { why, message }: AgentError): string {
  if (why === 'late')
    return `The command did not end within ${message}, and goes on in machine ${id}; start what takes longer in the background.`;
  if (why === 'not run')
    return `Machine ${id} could not run ${JSON.stringify(command)} (${message}); give a program of the guest, such as sh -c '…'.`;
  return `Machine ${id} is on, but its guest agent does not answer; wait until the machine is ready, and see that its image has qemu-guest-agent.`;
}
