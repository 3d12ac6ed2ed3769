// The signature of a request, and the Authorization header that carries it. The two have different
// orders: the header has the nonce before the timestamp, and the signed text has the timestamp
// before the nonce. The signed text has no separators between its parts.
//
// The query string is not signed, so an operation that changes something reads nothing from it.

export interface SignedParts {
  key: string;
  method: string;
  /** The request path with its leading slash and the prefix, without the query. */
  path: string;
  /** UTC, ms since 1970, in decimal. */
  timestamp: string;
  nonce: string;
}

/** The signed text up to the body, whose raw bytes follow. */
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

// Without separators, an attacker could try to cut a signed text into other parts. These forms
// leave few ways to do so: keys have a fixed alphabet, timestamps have a fixed length, and no nonce
// holds a colon, which every JSON object with a member has.
const key = '[A-Za-z0-9_-]{8,64}';
const nonce = '[\\x21-\\x39\\x3b-\\x7e]{1,128}';
const timestamp = '[1-9][0-9]{12}';
export const keyPattern = new RegExp(`^${key}$`);
const headerPattern = new RegExp(`^HMAC (${key}):([0-9a-f]{64}):(${nonce}):(${timestamp})$`);

/**
 * The length of the nonce of a request whose body is bytes instead of JSON: that of a UUID. Bytes
 * may be anything, so only a fixed length tells where the nonce ends and the body begins.
 */
export const bytesNonceLength = 36;

/** Returns null unless the header has the form `HMAC {key}:{signature}:{nonce}:{timestamp}`. */
export function parseAuthorization(header: string): Credentials | null {
  const match = headerPattern.exec(header);
  if (!match) return null;
  const [, key = '', signature = '', nonce = '', timestamp = ''] = match;
  return { key, signature, nonce, timestamp };
}
