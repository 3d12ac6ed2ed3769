// Sentences for the errors of the operating system and of the network: the fault and its cure.
// A leaf, so that the server, the commands and the start of a data directory say the same.

import { getSystemErrorMap } from 'node:util';

/** Errors of the system about a path: the fault of the path, and its cure. */
const pathWords: Record<string, readonly [wrong: string, cure: string]> = {
  ENOENT: ['is not there', 'check the path'],
  EACCES: ['may not be used by this user', 'change its owner or mode, or run as another user'],
  EPERM: ['may not be changed by this user', 'change its owner or mode, or run as another user'],
  ENOSPC: ['lies on a disk that is full', 'free some space and type the command again'],
  EDQUOT: [
    'lies on a disk on which this user may take no more',
    'free some space and type the command again',
  ],
  EROFS: ['lies on a disk that is read-only', 'make it writable, or give another path'],
  EIO: ['lies on a disk that fails', 'look at the log of the kernel (dmesg)'],
  EISDIR: ['is a folder', 'give a file'],
  ENOTDIR: ['lies below a file, which is not a folder', 'check the path'],
  EEXIST: ['is there already', 'give another path'],
  ENOTEMPTY: ['is not empty', 'give another path'],
  ENAMETOOLONG: ['is a name that is too long', 'give a shorter one'],
  ELOOP: ['is a link that leads to itself', 'give another path'],
  EBUSY: ['is in use', 'end what uses it and type the command again'],
  EFBIG: ['would be larger than this user or its disk may have', 'raise the limit (ulimit -f)'],
  EXDEV: ['lies on another disk', 'give a path on the same one'],
};

/** Errors of a connection or of an address to listen on. */
const networkWords: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'it closed the connection',
  EPIPE: 'it closed the connection',
  ENOTFOUND: 'the name has no address',
  EAI_AGAIN: 'the name cannot be looked up now',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ENETDOWN: 'the network is down',
  ETIMEDOUT: 'it does not answer',
  EPROTO: 'it does not speak TLS; give an http address',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS; give an http address',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS; give an http address',
  EADDRINUSE: 'the port is taken',
  EADDRNOTAVAIL: 'this is not an address of this host',
  EAFNOSUPPORT: 'this host has no addresses of that kind',
  EINVAL: 'this address cannot be listened on',
};

/** How many causes below an error are looked at. */
const causesMax = 5;
const certificate = /CERT|ISSUER|SELF_SIGNED|ALTNAME/;

const codeOf = (error: unknown): string =>
  String((error as { code?: unknown } | undefined)?.code ?? '');

/**
 * The reason why a connection failed, as the end of a sentence. Of a chain of causes, the first one
 * that is known counts; of an unknown error, its own message is given.
 */
export function networkReason(error: unknown): string {
  for (
    let at: unknown = error, depth = 0;
    at !== undefined && depth < causesMax;
    at = (at as Error).cause, depth++
  ) {
    const code = codeOf(at);
    if (networkWords[code]) return networkWords[code];
    if (certificate.test(code))
      return `its certificate is not trusted (${(at as Error).message}); name its authority in NODE_EXTRA_CA_CERTS`;
  }
  const { cause, message } = error as Error;
  return (cause as Error | undefined)?.message ?? message;
}

/**
 * One sentence for an error of the system; null when the error is not the system's. `place` names
 * the path where the error does not.
 */
export function systemSentence(error: unknown, place?: string): string | null {
  const code = codeOf(error);
  const { path, syscall, errno } = error as NodeJS.ErrnoException;
  if (code === 'EMFILE' || code === 'ENFILE')
    return 'Too many files are open; raise the limit (ulimit -n 65536) and type the command again.';
  if (code === 'ENOMEM')
    return 'There is not enough memory; end something else and type the command again.';
  const known = pathWords[code];
  if (known && syscall !== 'connect' && syscall !== 'listen')
    return `${path ?? place ?? 'What was to be written'} ${known[0]}; ${known[1]}.`;
  if (syscall === undefined) return null;
  if (networkWords[code]) return `The connection failed: ${networkWords[code]}.`;
  const [, words] = (errno === undefined ? undefined : getSystemErrorMap().get(errno)) ?? [];
  return words === undefined
    ? null
    : `The system refused to ${syscall} ${path ?? place ?? 'a file'}: ${words}.`;
}
