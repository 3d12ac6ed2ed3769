// Sends the files of commands to a server, and waits for the errands that they begin.

import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import type { ClientOptions } from '../../client/client.ts';
import { ApiError } from '../../client/errors.ts';
import { type OperatorClient, sendUpload } from '../../client/operator.ts';
import type { OperatorOperations } from '../../client/operator-types.ts';
import { interruptible, interruption } from '../interruptible.ts';
import type { Terminal } from '../output.ts';
import { UsageError } from '../parse.ts';
import { progressLine } from '../progress.ts';
import { follow, stateOf } from '../remote/follow.ts';
import { digestOf, share, sizeOf } from '../remote/transfer.ts';

type Errand = OperatorOperations['errandGet']['answer'];
type Result = NonNullable<Errand['result']>;

/** A server, its client, and where progress is shown. */
export interface Far {
  client: OperatorClient;
  options: ClientOptions;
  terminal: Terminal;
}

/**
 * Waits for the end of an errand, and resolves to the field of its result. Ctrl-C ends the errand
 * too, and what it did is undone, as on the host. Throws ApiError when it fails.
 */
export async function resultOf<Name extends keyof Result>(
  far: Far,
  begun: Errand,
  name: Name,
): Promise<NonNullable<Result[Name]>> {
  const result = await wholeResultOf(far, begun);
  const field = result[name];
  if (field === undefined || field === null)
    throw new UsageError(`The answer of the server lacks ${name}.`, 'failed');
  return field as NonNullable<Result[Name]>;
}

/** The same for the whole result. */
export async function wholeResultOf(
  { client, options: server, terminal }: Far,
  { id, action }: Errand,
): Promise<Result> {
  const watch = 'audit list';
  const work = {
    ...{ noun: action, subject: null, things: [{ id }], watch },
    ask: (one: string, signal: AbortSignal) => client.errandGet({ id: one }, { signal }),
    look: ({ status, phase }: Errand) => ({
      ...{ status, phase, done: null, isOver: status !== 'running' },
    }),
  };
  const last = await follow({ terminal, server }, work).catch(async (error: unknown) => {
    if (!(error instanceof UsageError && error.kind === 'interrupted')) throw error;
    await client.errandCancel({ id });
    throw interruption();
  });
  const { failure, result } = stateOf(last, id);
  if (failure) throw new ApiError(failure.client_code, failure.status, failure.message, null);
  return result ?? {};
}

/** Sends a file, or the part of it that the server lacks, and resolves to its digest. */
export async function sendFile(
  { client, options, terminal }: Far,
  path: string,
): Promise<{ name: string; id: string }> {
  const name = basename(path);
  const size = (await sizeOf(path)) ?? 0;
  if (size === 0)
    throw new UsageError(`${path} is empty or is no file; give one with bytes in it.`);
  const progress = progressLine(terminal);
  progress.say(`${name}: taking the digest`);
  const source = await open(path);
  try {
    const id = await digestOf(path);
    await client.uploadOpen({ id, size_bytes: size });
    const read = async (offset: number, length: number) => {
      const { buffer, bytesRead } = await source.read(Buffer.alloc(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    };
    const onBytes = (done: number, total: number) =>
      progress.say(`${name}: sending`, share(done, total), done / total);
    await interruptible(
      (signal) => sendUpload(client, options, id, read, { onBytes, signal }),
      `It was interrupted. What was sent of ${name} stays for a day: the same command goes on there.`,
    );
    return { name, id };
  } finally {
    progress.end();
    await source.close();
  }
}
