// Parsers of addresses and URLs that are given as options or in the environment. Each throws
// commander's InvalidArgumentError with a sentence about the valid values, as those in parse.ts do.

import { type Parser, refuse, whole } from './parse.ts';

export const portNumber = whole(0, 65535);

const hasOnly = (url: URL, expected: string, ...parts: readonly string[]) =>
  /^https?:$/.test(url.protocol) &&
  `${parts.join('')}${url.search}${url.hash}${url.username}${url.password}` === expected;

/** Where a server is. Signed paths begin at its root, so an address with a path cannot be one. */
export const serverUrl: Parser<string> = (text) => {
  const url = URL.parse(text);
  return url !== null && hasOnly(url, '/', url.pathname)
    ? url.origin
    : refuse('Give an http or https address without a path, such as http://127.0.0.1:8080.');
};

/**
 * Where callers reach a server, which may be below a path of a proxy; without a slash at the end.
 */
export const publicUrl: Parser<string> = (text) => {
  const url = URL.parse(text);
  return url !== null && hasOnly(url, '')
    ? url.href.replace(/\/+$/, '')
    : refuse('Give an http or https address, such as https://images.example.org.');
};

export interface ListenAddress {
  host: string;
  port: number;
}

/** An address and a port to listen on. */
export const listenAddress: Parser<ListenAddress> = (text) => {
  const [, v6, name4, port] = /^(?:\[([\da-fA-F:]+)\]|([\w.-]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? name4;
  return host === undefined || port === undefined
    ? refuse('Give an address and a port, such as 127.0.0.1:9100 or [::1]:9100.')
    : { host, port: portNumber(port) };
};

/** An address of this host, or a name that it has. */
export const listenHost: Parser<string> = (text) =>
  /^[\w.:%-]{1,253}$/.test(text)
    ? text
    : refuse('Give an address or a name of this host, such as 127.0.0.1, ::1 or 0.0.0.0.');
