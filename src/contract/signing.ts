// What is signed, and how the Authorization header spells it. Mind the two orders: the header has
// the nonce before the timestamp, the signed text the timestamp before the nonce. Nothing stands
// between the parts of the signed text.
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

// Since nothing stands between the parts, the form leaves few ways to cut the signed text anew:
// keys have a fixed alphabet, timestamps a fixed length, and no nonce holds a colon, as every JSON
// object with a member does.
const key = '[A-Za-z0-9_-]{8,64}';
const nonce = '[\\x21-\\x39\\x3b-\\x7e]{1,128}';
const timestamp = '[1-9][0-9]{12}';
export const keyPattern = new RegExp(`^${key}$`);
const headerPattern = new RegExp(`^HMAC (${key}):([0-9a-f]{64}):(${nonce}):(${timestamp})$`);

/**
 * The length of a nonce whose request bears bytes instead of JSON: as bytes may be anything, only a
 * fixed length says where the nonce ends and they begin. That of a UUID.
 */
export const bytesNonceLength = 36;

/** Returns null unless the header has the form `HMAC {key}:{signature}:{nonce}:{timestamp}`. */
export function parseAuthorization(header: string): Credentials | null {
  const match = headerPattern.exec(header);
  if (!match) return null;
  const [, key = '', signature = '', nonce = '', timestamp = ''] = match;
  return { key, signature, nonce, timestamp };
}
