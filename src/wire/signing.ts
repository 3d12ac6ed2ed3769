// What is signed, and how the Authorization header spells it. Mind the two orders: the header has the nonce before the
// timestamp, the signed text the timestamp before the nonce. Nothing stands between the parts of the signed text.
//
// The query string is not signed, so nothing that changes state may be read from it.

export interface SignedParts {
  key: string;
  method: string;
  /** The request path with its leading slash and the prefix, without the query. */
  path: string;
  /** UTC, ms since 1970, in decimal. */
  timestamp: string;
  nonce: string;
}

/** All that is signed before the body; the body's raw bytes follow. */
export function signedHead({ key, method, path, timestamp, nonce }: SignedParts): string {
  return `${key}${method}${path}${timestamp}${nonce}`;
}

export interface Credentials {
  key: string;
  signature: string;
  nonce: string;
  timestamp: string;
}

export function formatAuthorization({ key, signature, nonce, timestamp }: Credentials): string {
  return `HMAC ${key}:${signature}:${nonce}:${timestamp}`;
}

const headerPattern = /^HMAC ([^:\s]{1,128}):([0-9a-f]{64}):([^:\s]{1,128}):([0-9]{1,16})$/;

/** Returns null unless the header has the form `HMAC {key}:{signature}:{nonce}:{timestamp}`. */
export function parseAuthorization(header: string): Credentials | null {
  const match = headerPattern.exec(header);
  if (!match) return null;
  const [, key = '', signature = '', nonce = '', timestamp = ''] = match;
  return { key, signature, nonce, timestamp };
}
