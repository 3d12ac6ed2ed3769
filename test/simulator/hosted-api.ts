// A server of the hosted API, written from its specification alone (the Images API 1.0.6, and what
// is known of its machines) and from nothing of ours: the signature, the pages, the fields, the
// errors. It refuses each header, path and query that the specification does not have.

import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { defer, type Scope } from '../support.ts';

const prefix = '/organization-management/v1';
const secret = 'the secret of the hosted organisation';
const key = 'hosted-key-1';
/** Those of HTTP, and the two of the specification. */
const headersKnown = /^(authorization|content-type|host|connection|accept(-\w+)?|user-agent)$/;
const queriesKnown = ['page', 'per_page', 'q'];
const clockMs = 5 * 60_000;

type Item = Record<string, unknown>;

interface Organisation {
  images: readonly Item[];
  /** Null: a server that has the Images API and nothing else. */
  machines: readonly Item[] | null;
}

interface Refusal {
  status: number;
  code: number;
  message: string;
}

const refusal = (status: number, code: number, message: string): Refusal => ({
  ...{ status, code, message },
});

function authFault(header: string, method: string, path: string, used: Set<string>) {
  const [, id, signature = '', nonce = '', at = ''] =
    /^HMAC ([^:]+):([\da-f]{64}):([^:]+):(\d{13})$/.exec(header) ?? [];
  const wanted = createHmac('sha256', secret).update(`${key}${method}${path}${at}${nonce}`);
  const isGood = id === key && signature === wanted.digest('hex') && !used.has(nonce);
  used.add(nonce);
  return isGood && Math.abs(Date.now() - Number(at)) < clockMs
    ? null
    : refusal(401, 401, 'Unauthorized');
}

/** A page as the specification has it; the sample there has a next page that is empty. */
function pageOf(name: string, all: readonly Item[], query: URLSearchParams, perPageMax: number) {
  const page = Number(query.get('page') ?? 1);
  const perPage = Math.min(perPageMax, Number(query.get('per_page') ?? 20));
  const items = all.slice((page - 1) * perPage, page * perPage);
  return {
    [name]: items,
    ...{ count: all.length, page, next_page: items.length < perPage ? null : page + 1 },
  };
}

/** `fault` refuses a request, by the number of those before it. */
export async function hostedApi(
  t: Scope,
  { images, machines }: Organisation,
  fault: (path: string, count: number) => Refusal | null = () => null,
  perPageMax = 100,
) {
  const requests: string[] = [];
  const used = new Set<string>();
  const answer = (method: string, url: URL, headers: NodeJS.Dict<string | string[]>) => {
    const path = url.pathname.replace(prefix, '');
    const known = [...url.searchParams.keys()].every((name) => queriesKnown.includes(name));
    if (!known || Object.keys(headers).some((name) => !headersKnown.test(name)))
      return refusal(400, 400, 'Bad request');
    const wrong =
      authFault(String(headers.authorization), method, url.pathname, used) ??
      fault(path, requests.length);
    if (wrong) return wrong;
    if (method === 'GET' && path === '/images')
      return pageOf('images', images, url.searchParams, perPageMax);
    if (method === 'GET' && path === '/machines' && machines !== null)
      return pageOf('machines', machines, url.searchParams, perPageMax);
    return refusal(404, 404, 'Not found');
  };
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    const found = answer(method, new URL(url, 'http://host'), headers);
    requests.push(`${method} ${url}`);
    const timestamp = new Date().toISOString().replace(/\.\d+/, '');
    const isRefused = 'status' in found && 'code' in found;
    response.writeHead(isRefused ? Number(found.status) : 200, {
      'content-type': 'application/json',
    });
    const envelope = isRefused
      ? { client_code: found.code, message: found.message }
      : { ...found, client_code: 200, message: 'OK' };
    response.end(JSON.stringify({ ...envelope, timestamp }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  defer(t, () => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, key, secret, requests };
}

const times = { created_at: '2026-02-04T12:47:07.761Z', updated_at: '2026-02-04T12:48:11.194Z' };

/** An image with the fields of the specification and no others. */
export const hostedImage = (
  id: number,
  name: string,
  titles: readonly string[] | null,
  status = 'available',
): Item => ({
  ...{ id: String(id), type: 'image' },
  attributes: {
    ...{ id, name, size: 21, status, source: titles ? 'pre_installation' : 'seat', ...times },
    softwares: (titles ?? []).map((title, at) => ({
      ...{ id: String(at + 1), type: 'software' },
      attributes: { id: at + 1, name: title, size: 1.4 },
    })),
  },
});

/** A machine as it is known: its id stands beside its attributes. */
export const hostedMachine = (id: number, type: string, image: string | null): Item => ({
  ...{ id: String(id), type: 'machine' },
  attributes: {
    ...{ name: `Seat ${id}`, region: 'dublin', machine_type: type, disk_size: 75 },
    ...{ file_storage_size: 0, friendly_status: 'off', last_session_start_at: null },
    ...{ assigned_image_id: image === null ? null : 1, assigned_image_name: image },
    ...{ auto_stop_threshold: 600, network_credit: 0, remaining_usage: 60, deposited_usage: 0 },
    ...{ usage_source: 'organization', user: null, permissions: {}, task: null },
  },
});
