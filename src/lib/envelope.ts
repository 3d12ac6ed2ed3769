// Makes and opens envelopes of DSSE with statements of in-toto, as exports have them. Those that
// are opened come from outside: each is bounded, and nothing in one is believed before a given key
// has signed it.

import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { isObject } from './objects.ts';

const payloadType = 'application/vnd.in-toto+json';
export const envelopeBytesMax = 1024 ** 2;
const signaturesMax = 32;
const keysMax = 100;

export interface Opened {
  /** The statement, which is not checked beyond its form when `signedBy` is null. */
  statement: Record<string, unknown>;
  /** The names and digests of the files that it is about. */
  subjects: { name: string; sha256: string }[];
  /** Which of the keys has signed it, by its place; null: none. */
  signedBy: number | null;
}

/**
 * Reads public keys of ed25519: PEM, or DER in base64, one a line. Throws an Error for a text with
 * none, or with another kind of key.
 */
export function publicKeysOf(text: string): KeyObject[] {
  const pems = text.match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g);
  const given = pems ?? text.split('\n').filter((line) => line.trim() !== '');
  if (given.length === 0 || given.length > keysMax) throw new Error('it has no public key');
  return given.map((one) => {
    const der = { format: 'der', type: 'spki' } as const;
    const key = createPublicKey(pems ? one : { key: Buffer.from(one.trim(), 'base64'), ...der });
    if (key.asymmetricKeyType !== 'ed25519') throw new Error('it is no key of ed25519');
    return key;
  });
}

/** The bytes that a signature of an envelope covers. */
const signedBytes = (payload: Buffer) =>
  Buffer.concat([
    Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `),
    payload,
  ]);

/** A statement in a signed envelope, as JSON on one line. */
export function envelopeOf(
  statement: string,
  signer: { id: string; sign(text: string): string },
): string {
  const payload = Buffer.from(statement);
  const signatures = [{ keyid: signer.id, sig: signer.sign(signedBytes(payload).toString()) }];
  return JSON.stringify({ payloadType, payload: payload.toString('base64'), signatures });
}

/** Opens an envelope. Throws an Error, which says what is wrong with its form. */
export function openEnvelope(text: string, keys: readonly KeyObject[]): Opened {
  if (Buffer.byteLength(text) > envelopeBytesMax) throw new Error('it is too large');
  const envelope = parsed(text, 'it is not JSON');
  if (envelope.payloadType !== payloadType || typeof envelope.payload !== 'string')
    throw new Error(`it is no envelope of ${payloadType}`);
  const { signatures } = envelope;
  if (!Array.isArray(signatures) || signatures.length > signaturesMax)
    throw new Error('it has no list of signatures');
  const payload = Buffer.from(envelope.payload, 'base64');
  const signed = signedBytes(payload);
  const given = signatures.flatMap((one) =>
    isObject(one) && typeof one.sig === 'string' ? [Buffer.from(one.sig, 'base64')] : [],
  );
  const by = keys.findIndex((key) => given.some((sig) => verify(null, signed, key, sig)));
  const statement = parsed(payload.toString(), 'its statement is not JSON');
  return { statement, subjects: subjectsOf(statement), signedBy: by === -1 ? null : by };
}

function parsed(text: string, fault: string): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(text);
    if (isObject(found)) return found;
  } catch {
    // The error below is for this and for another kind of value.
  }
  throw new Error(fault);
}

function subjectsOf({ _type, subject }: Record<string, unknown>): Opened['subjects'] {
  const isStatement = _type === 'https://in-toto.io/Statement/v1' && Array.isArray(subject);
  const found = isStatement
    ? subject.flatMap((one) => {
        const digest = isObject(one) && isObject(one.digest) ? one.digest.sha256 : null;
        const isWhole = typeof digest === 'string' && /^[0-9a-f]{64}$/.test(digest);
        return isWhole ? [{ name: String(one.name), sha256: digest }] : [];
      })
    : [];
  if (found.length === 0 || found.length !== (subject as unknown[]).length)
    throw new Error('it holds no statement of in-toto about files with digests');
  return found;
}
