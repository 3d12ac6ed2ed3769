// A signed request: the fields of an input spread over path, query and body, and the signature over
// them, on WebCrypto alone.

import { formatAuthorization, signedHead } from '../contract/signing.ts';
import { pathPrefix, type Route } from './routes.ts';

interface SignedRequest {
  method: string;
  path: string;
  /** With its question mark; empty without a query. */
  search: string;
  /** Empty when the body is bytes or there is none. */
  json: string;
  body: Uint8Array<ArrayBuffer>;
  authorization: string;
}

const encoder = new TextEncoder();
const hex = (bytes: ArrayBuffer) =>
  [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/**
 * Puts each field that the path names into the path, and all others into the query of a read or
 * into the body of a change. `content` is a body of bytes instead of JSON.
 */
export async function signedRequest(
  { key, secret }: { key: string; secret: string },
  route: Route,
  input: object,
  content?: Uint8Array,
): Promise<SignedRequest> {
  const { method } = route;
  const { path, search, json } = spread(route, new Map(Object.entries(input)));
  const nonce = crypto.randomUUID();
  const timestamp = String(Date.now());
  const head = encoder.encode(signedHead({ key, method, path, timestamp, nonce }));
  const tail = content ?? encoder.encode(json);
  const text = new Uint8Array(head.length + tail.length);
  text.set(head);
  text.set(tail, head.length);
  const signature = await sign(secret, text);
  const authorization = formatAuthorization({ key, signature, nonce, timestamp });
  return { method, path, search, json, body: text.subarray(head.length), authorization };
}

async function sign(secret: string, text: Uint8Array<ArrayBuffer>): Promise<string> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), algorithm, false, [
    'sign',
  ]);
  return hex(await crypto.subtle.sign('HMAC', key, text));
}

function spread({ method, path: pattern }: Route, fields: Map<string, unknown>) {
  const path = pattern.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = encodeURIComponent(String(fields.get(name)));
    fields.delete(name);
    return value;
  });
  const others = [...fields].filter(([, value]) => value !== undefined);
  const isRead = method === 'GET';
  const query = new URLSearchParams(
    isRead ? others.map(([name, value]) => [name, String(value)]) : [],
  );
  return {
    path: pathPrefix + path,
    search: query.size > 0 ? `?${query}` : '',
    json: !isRead && others.length > 0 ? JSON.stringify(Object.fromEntries(others)) : '',
  };
}
