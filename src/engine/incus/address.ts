// The addresses of an Incus cluster, and how a connection to one of them is made: over a unix
// socket, or over TLS with a client certificate.

import { X509Certificate } from 'node:crypto';
import { Agent as HttpAgent, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { connect as connectSocket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type PeerCertificate } from 'node:tls';
import type { ClientOptions } from 'ws';
import { AppError } from '../../domain/error.ts';

export interface IncusAddress {
  /**
   * `unix:/path/of/the/socket` or `https://host:port`. The next one is asked when one does not
   * answer.
   */
  urls: readonly string[];
  /** In PEM: the certificate and the key by which the cluster knows this server. */
  certificate?: string;
  key?: string;
  /** In PEM: the cluster's own certificate, or that of the authority that signed it. */
  serverCertificate?: string;
}

/** One address, with what a request and a websocket to it need. */
export interface Endpoint {
  name: string;
  isTls: boolean;
  request: RequestOptions;
  websocket: { origin: string; options: ClientOptions };
  close(): void;
}

const socketsMax = 64;
const agentOptions = { keepAlive: true, maxSockets: socketsMax };

/**
 * A cluster's own certificate names no host, so it is compared as a whole; a certificate that an
 * authority has signed has to name the host.
 */
const identityOf = (pinned: string | undefined) => {
  const raw = pinned === undefined ? null : new X509Certificate(pinned).raw;
  return (host: string, shown: PeerCertificate) =>
    raw?.equals(shown.raw) ? undefined : checkServerIdentity(host, shown);
};

function readPem<Value>(what: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw new AppError('invalid', `${what} is no certificate or key in PEM.`, { cause: error });
  }
}

/** Throws `invalid` for a URL or a certificate that cannot be understood. */
export function endpointsOf({ urls, certificate, key, serverCertificate }: IncusAddress) {
  return urls.map((url): Endpoint => {
    if (url.startsWith('unix:')) {
      const socketPath = url.slice('unix:'.length);
      const agent = new HttpAgent(agentOptions);
      const createConnection = () => connectSocket(socketPath);
      return {
        name: socketPath,
        isTls: false,
        request: { socketPath, agent },
        websocket: { origin: 'ws://incus', options: { createConnection } },
        close: () => agent.destroy(),
      };
    }
    const { host, hostname, port } = new URL(url);
    const tls = readPem('The certificate of the Incus server', () => ({
      ...(certificate !== undefined && { cert: certificate }),
      ...(key !== undefined && { key }),
      ...(serverCertificate !== undefined && { ca: serverCertificate }),
      checkServerIdentity: identityOf(serverCertificate),
    }));
    const at = { host: hostname, port: Number(port || '443') };
    const agent = new HttpsAgent({ ...agentOptions, ...tls });
    const createConnection = () => connectTls({ ...at, ...tls, ALPNProtocols: ['http/1.1'] });
    return {
      name: host,
      isTls: true,
      request: { ...at, agent },
      websocket: { origin: `wss://${host}`, options: { createConnection } },
      close: () => agent.destroy(),
    };
  });
}
