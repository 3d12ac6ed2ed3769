// Who signs a request. What the header says by itself (its form and its clock) is judged before the
// body is read, so that whoever signs nothing costs no memory; the signature covers the raw bytes
// of the body, never JSON that was written again.
//
// A refusal says which of the four was wrong (format, key, clock, signature or replay) and takes
// the same path for a key that exists and one that does not: an unknown key stands for one that
// nobody has, whose secret the signature is compared under.
//
// It is the signature that is good once. The signed text has no separators, so the same bytes under
// the same signature may be cut into other parts; and nonces of a few digits meet by chance.

import { createHmac, type Hmac, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  bytesNonceLength,
  type Credentials,
  parseAuthorization,
  signedHead,
} from '../contract/signing.ts';
import { AppError } from '../domain/error.ts';
import type { KeyId, OrganisationId } from '../domain/ids.ts';
import type { AccessKey, Permission } from '../domain/key.ts';
import type { Clock } from '../lib/clock.ts';
import type { MasterKey } from '../lib/master-key.ts';
import { TokenBuckets } from '../lib/token-bucket.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import type { SignatureJournal } from './signature-journal.ts';

export const clockToleranceMs = 5 * 60_000;
const secretsMax = 10_000;
const lastUsedEveryMs = 60_000;

export interface Caller {
  keyId: KeyId;
  organisationId: OrganisationId;
  permissions: readonly Permission[];
  signature: string;
  signatureExpiresAt: number;
}

export interface RequestHead {
  authorization: string | undefined;
  method: string;
  /** As received, without the query. */
  path: string;
  /** Whether the body is bytes instead of JSON. */
  isBytes: boolean;
}

/** A request whose header is in order, while its body comes. */
export interface Claim {
  given: Credentials;
  key: AccessKey;
  /** One for each form of the path. */
  hmacs: Hmac[];
  /** Whether the body is worth keeping: without such a key it is refused in any case. */
  isKnown: boolean;
}

const refuse = (message: string) => new AppError('unauthenticated', message);

export class Authenticator {
  readonly #store: Store;
  readonly #masterKey: MasterKey;
  readonly #clock: Clock;
  readonly #journal: SignatureJournal;
  readonly #requestsPerSecond: number;
  readonly #limits: TokenBuckets;
  readonly #secrets = new Map<string, string>();
  readonly #noted = new Map<KeyId, number>();
  readonly #nobody: AccessKey;

  constructor(options: {
    store: Store;
    masterKey: MasterKey;
    clock: Clock;
    journal: SignatureJournal;
    /** What one key may send in the long run; twice as many at once. 0: any number. */
    requestsPerSecond: number;
  }) {
    this.#store = options.store;
    this.#masterKey = options.masterKey;
    this.#clock = options.clock;
    this.#journal = options.journal;
    this.#requestsPerSecond = options.requestsPerSecond;
    this.#limits = new TokenBuckets(options.requestsPerSecond);
    this.#nobody = {
      id: '' as KeyId,
      organisationId: 0 as OrganisationId,
      name: '',
      secretSealed: options.masterKey.seal(randomBytes(32).toString('base64url')),
      masterKeyId: options.masterKey.id,
      permissions: [],
      createdAt: 0,
      revokedAt: null,
      expiresAt: null,
      lastUsedAt: null,
    };
  }

  #secretOf(sealed: string): string {
    let secret = this.#secrets.get(sealed);
    if (secret === undefined) {
      secret = this.#masterKey.open(sealed);
      if (this.#secrets.size >= secretsMax) this.#secrets.clear();
      this.#secrets.set(sealed, secret);
    }
    return secret;
  }

  /**
   * Records that the key was used: at most once a minute, beside the request, so that a read costs
   * no write of its own.
   */
  #note(id: KeyId, lastUsedAt: number | null, now: number): void {
    if (now - Math.max(lastUsedAt ?? 0, this.#noted.get(id) ?? 0) < lastUsedEveryMs) return;
    this.#noted.set(id, now);
    // What is lost when this fails is a minute's knowledge.
    this.#store.write('system', (work) => work.keys.used(id)).catch(() => {});
  }

  /** Judges what the header says by itself. Throws `unauthenticated`. */
  async claim({ authorization, method, path, isBytes }: RequestHead): Promise<Claim> {
    if (authorization === undefined) {
      throw refuse(
        'The Authorization header is missing; send: HMAC {key}:{signature}:{nonce}:{timestamp}',
      );
    }
    const given = parseAuthorization(authorization);
    if (!given) {
      throw refuse(
        'The Authorization header is malformed; send: HMAC {key}:{signature}:{nonce}:{timestamp}, the key as it was given to you, the signature as 64 lower-case hexadecimal digits, the nonce as 1 to 128 visible ASCII characters without a colon, and the timestamp in ms, which has 13 digits.',
      );
    }
    if (isBytes && given.nonce.length !== bytesNonceLength) {
      throw refuse(
        `The nonce has ${given.nonce.length} characters; with bytes as the body it must have ${bytesNonceLength}, such as a UUID.`,
      );
    }
    const now = this.#clock.now();
    const timestamp = Number(given.timestamp);
    if (Math.abs(timestamp - now) > clockToleranceMs) {
      throw refuse(
        `The timestamp is ${Math.round((timestamp - now) / 1000)} s from the server's clock (${new Date(now).toISOString()}); the most is ${clockToleranceMs / 1000} s. Set your clock.`,
      );
    }
    const found = await this.#store.read('system', (work) => work.keys.claimed(given.key));
    const isKnown =
      found !== undefined &&
      found.revokedAt === null &&
      (found.expiresAt === null || found.expiresAt > now);
    const key = isKnown ? found : this.#nobody;
    const secret = this.#secretOf(key.secretSealed);
    // The published text of the API also shows the path without its leading slash.
    const hmacs = [path, path.slice(1)].map((form) =>
      createHmac('sha256', secret).update(signedHead({ ...given, method, path: form })),
    );
    return { given, key, hmacs, isKnown };
  }

  /**
   * Judges the signature when the body is there. From then on it is used up, whatever becomes of
   * the request. Throws `unauthenticated`, and `too_many_requests`, which is told to whoever signs
   * and costs no place in the journal.
   */
  prove({ given, key, hmacs, isKnown }: Claim): Caller {
    const signed = Buffer.from(given.signature, 'hex');
    const matches = hmacs.map((hmac) => timingSafeEqual(hmac.digest(), signed));
    if (!matches.includes(true) || !isKnown) {
      throw refuse(
        'The key or the signature is wrong. The signed text is {key}{METHOD}{path}{timestamp}{nonce}{body}, HMAC-SHA256 under the secret; the path has the prefix and no query.',
      );
    }
    const now = this.#clock.now();
    const timestamp = Number(given.timestamp);
    if (now - timestamp > this.#journal.coversMs)
      throw refuse(
        'The request was signed before this server began to remember signatures; sign it anew.',
      );
    if (this.#journal.has(given.signature)) throw replayed();
    const waitMs = this.#limits.take(key.id, now);
    if (waitMs > 0) {
      this.#journal.refuse(given.signature);
      throw new AppError(
        'too_many_requests',
        `This key sends more than ${this.#requestsPerSecond} requests a second; wait ${Math.ceil(waitMs / 1000)} s.`,
        { retryAfterMs: waitMs },
      );
    }
    this.#journal.use(given.signature);
    this.#note(key.id, key.lastUsedAt, now);
    const { id: keyId, organisationId, permissions } = key;
    const { signature } = given;
    return {
      keyId,
      organisationId,
      permissions,
      signature,
      signatureExpiresAt: timestamp + clockToleranceMs,
    };
  }
}

export const replayed = () =>
  refuse('This signature was used before; sign every request anew, with a new nonce.');
