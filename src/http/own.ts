// Callers on this host: what only they are answered is for the host itself, and not for the
// network.

import type { IncomingMessage } from 'node:http';

const forwarding =
  /^(forwarded|via|x-forwarded-.*|x-real-ip|x-client-ip|true-client-ip|cf-connecting-ip)$/;
const loopback = /^(::1|(::ffff:)?127\.[\d.]+)$/;
const loopbackName = /^(localhost|\[::1\]|127\.[\d.]+)(:\d+)?$/i;

/**
 * Whether a request comes from this host itself and names this host, so that neither a proxy nor a
 * page in a browser has sent it.
 */
export const isOwn = ({ socket, headers }: IncomingMessage): boolean =>
  loopback.test(socket.remoteAddress ?? '') &&
  loopbackName.test(headers.host ?? '') &&
  !Object.keys(headers).some((name) => forwarding.test(name));
