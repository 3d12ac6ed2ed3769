// How a build machine that may use the network reaches the world: by the host's proxy, and by IPv6
// where the host has it.

import type { networkInterfaces } from 'node:os';

/** The address at which a guest of QEMU's user network finds the host's loopback. */
const hostAddress = '10.0.2.2';

/**
 * The proxy variables of the host, in both spellings, as its guests need them: a proxy on the
 * host's loopback has another address there. A value that is no URL is left out.
 */
export function proxyVariables(env: Readonly<Record<string, string>>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of ['http_proxy', 'https_proxy', 'no_proxy']) {
    const given = env[name] ?? env[name.toUpperCase()];
    const value = name === 'no_proxy' ? plain(given) : reachable(given);
    if (value) Object.assign(found, { [name]: value, [name.toUpperCase()]: value });
  }
  return found;
}

const plain = (value: string | undefined): string | null =>
  value !== undefined && /^[\x21-\x7e ]{1,2000}$/.test(value) ? value : null;

function reachable(value: string | undefined): string | null {
  // A proxy may be given without a scheme.
  const text = plain(value);
  if (text === null || text === '') return null;
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (!url || !/^(https?|socks[45]h?):$/.test(url.protocol) || url.hostname === '') return null;
  if (/^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)) url.hostname = hostAddress;
  return url.href;
}

/** Whether the host has an address by which IPv6 leads out of it. */
export const hasIpv6 = (interfaces: ReturnType<typeof networkInterfaces>): boolean =>
  Object.values(interfaces).some((addresses = []) =>
    addresses.some(
      ({ family, internal, address }) =>
        family === 'IPv6' && !internal && !/^f(e[89ab]|[cd])/i.test(address),
    ),
  );
