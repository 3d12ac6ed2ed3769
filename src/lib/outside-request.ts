// Sends something to an address that a caller chose. The caller is not trusted: the address must be
// one of the public internet. What is checked is the address that the socket connects to, since a
// name may have another address at the next look-up. Redirections are not followed. The whole time
// is limited, and so is what is read of the answer.

import { lookup as resolve } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { isOutside } from './outside-address.ts';

const answerBytesMax = 4096;

interface OutsideRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
  timeoutMs: number;
  /** Whether addresses of this host and of private networks may be asked too. */
  allowsInside: boolean;
  signal: AbortSignal;
}

/** Thrown when a request was not answered; the message is for the caller who chose the address. */
export class NoOutsideAnswer extends Error {}

const inside = () =>
  new NoOutsideAnswer('the address is not one of the public internet, and is not asked');

/** A look-up that gives addresses of the public internet alone, to the socket that connects. */
const outsideOnly: LookupFunction = (host, options, callback) => {
  resolve(host, { ...options, all: true }, (error, found) => {
    if (error) return callback(error, '', 0);
    const outside = found.filter(({ address }) => isOutside(address));
    const [first] = outside;
    // One that is inside makes the name suspect, so none of its addresses is used.
    if (first === undefined || outside.length < found.length) return callback(inside(), '', 0);
    if (options.all) return callback(null, outside);
    callback(null, first.address, first.family);
  });
};

/**
 * Posts a body, and resolves to the status of the answer, when its headers have come and its
 * beginning was read. Throws NoOutsideAnswer, and the reason of the signal.
 */
export function postOutside({
  url,
  headers,
  body,
  timeoutMs,
  allowsInside,
  signal,
}: OutsideRequest): Promise<number> {
  const { protocol, hostname } = new URL(url);
  const send = protocol === 'https:' ? httpsRequest : httpRequest;
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  // An address needs no look-up, so it is checked here.
  if (!allowsInside && isIP(host) !== 0 && !isOutside(host)) return Promise.reject(inside());
  const late = AbortSignal.timeout(timeoutMs);
  return new Promise<number>((resolveStatus, reject) => {
    const failed = (error: unknown) => {
      if (signal.aborted) reject(signal.reason);
      else if (late.aborted) reject(new NoOutsideAnswer(`no answer within ${timeoutMs / 1000} s`));
      else if (error instanceof NoOutsideAnswer) reject(error);
      else reject(new NoOutsideAnswer(codeOf(error)));
    };
    const sent = send(
      url,
      {
        method: 'POST',
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        // A connection that is kept could be to an address from before.
        agent: false,
        signal: AbortSignal.any([signal, late]),
        ...(!allowsInside && { lookup: outsideOnly }),
      },
      (answer) => {
        const { statusCode = 0 } = answer;
        let bytes = 0;
        const end = () => {
          answer.destroy();
          resolveStatus(statusCode);
        };
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > answerBytesMax) end();
        });
        answer.on('end', end);
        answer.on('error', failed);
      },
    );
    sent.on('error', failed);
    sent.end(body);
  });
}

/** The code of a system's error: its message may have addresses of the operator's network. */
const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? `the connection failed: ${error.code}`
    : 'the connection failed';
