// A signed request: the fields of an input spread over path, query and body, and the signature over
// them, on WebCrypto alone.

import { pathPrefix } from '../contract/envelope.ts';
import type { OperationSpec } from '../contract/operation.ts';
import { formatAuthorization, signedHead } from '../contract/signing.ts';

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

/** Puts each field where the operation has it; `content` is a body of bytes instead of JSON. */
export async function signedRequest(
  { key, secret }: { key: string; secret: string },
  operation: OperationSpec,
  input: object,
  content?: Uint8Array,
): Promise<SignedRequest> {
  const { method } = operation;
  const { path, search, json } = spread(operation, new Map(Object.entries(input)));
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

function spread(operation: OperationSpec, input: ReadonlyMap<string, unknown>) {
  const path =
    pathPrefix +
    operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(String(input.get(name))),
    );
  const fieldsOf = (schema: OperationSpec['body']) =>
    Object.keys(schema?.properties ?? {}).flatMap((name) => {
      const value = input.get(name);
      return value === undefined ? [] : [[name, value] as const];
    });
  const query = new URLSearchParams(
    fieldsOf(operation.query).map(([name, value]) => [name, String(value)]),
  );
  const fields = fieldsOf(operation.body);
  return {
    path,
    search: query.size > 0 ? `?${query}` : '',
    json: fields.length > 0 ? JSON.stringify(Object.fromEntries(fields)) : '',
  };
}
