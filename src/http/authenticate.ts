// Who signs a request. The signature covers the raw bytes of the body, never JSON that was written again.
// A refusal says which of the four was wrong (format, key, clock, signature or replay) and takes the same path for a key that
// exists and one that does not: an unknown key's signature is compared with one made under a secret nobody has.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { AppError } from '../domain/error.ts';
import type { KeyId, OrganisationId } from '../domain/ids.ts';
import type { Permission } from '../domain/permission.ts';
import type { Clock } from '../lib/clock.ts';
import type { MasterKey } from '../lib/master-key.ts';
import type { Store } from '../store/port.ts';
import { parseAuthorization, signedHead } from '../wire/signing.ts';
import type { NonceJournal } from './nonce-journal.ts';

export const clockToleranceMs = 5 * 60_000;
const secretsMax = 10_000;
const lastUsedEveryMs = 60_000;

export interface Caller {
  keyId: KeyId;
  organisationId: OrganisationId;
  permissions: readonly Permission[];
  nonce: string;
  nonceExpiresAt: number;
}

export interface SignedRequest {
  authorization: string | undefined;
  method: string;
  /** As received, without the query. */
  path: string;
  body: Buffer;
}

const refuse = (message: string) => new AppError('unauthenticated', message);

export class Authenticator {
  readonly #store: Store;
  readonly #masterKey: MasterKey;
  readonly #clock: Clock;
  readonly #journal: NonceJournal;
  readonly #secrets = new Map<string, string>();
  readonly #noted = new Map<KeyId, number>();
  readonly #noSecret = randomBytes(32).toString('hex');

  constructor(options: { store: Store; masterKey: MasterKey; clock: Clock; journal: NonceJournal }) {
    this.#store = options.store;
    this.#masterKey = options.masterKey;
    this.#clock = options.clock;
    this.#journal = options.journal;
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

  /** Records that the key was used: at most once a minute, beside the request, so that a read costs no write of its own. */
  #note(id: KeyId, lastUsedAt: number | null, now: number): void {
    if (now - Math.max(lastUsedAt ?? 0, this.#noted.get(id) ?? 0) < lastUsedEveryMs) return;
    this.#noted.set(id, now);
    // What is lost when this fails is a minute's knowledge.
    this.#store.write('system', (work) => work.keys.used(id)).catch(() => {});
  }

  /** Throws `unauthenticated`. The nonce is used up from here on, whatever becomes of the request. */
  async authenticate({ authorization, method, path, body }: SignedRequest): Promise<Caller> {
    if (authorization === undefined) {
      throw refuse('The Authorization header is missing; send: HMAC {key}:{signature}:{nonce}:{timestamp}');
    }
    const given = parseAuthorization(authorization);
    if (!given) {
      throw refuse(
        'The Authorization header is malformed; send: HMAC {key}:{signature}:{nonce}:{timestamp}, the signature as 64 lower-case hexadecimal digits and the timestamp in ms.',
      );
    }
    const now = this.#clock.now();
    const timestamp = Number(given.timestamp);
    if (Math.abs(timestamp - now) > clockToleranceMs) {
      throw refuse(
        `The timestamp is ${Math.round((timestamp - now) / 1000)} s from the server's clock (${new Date(now).toISOString()}); the most is ${clockToleranceMs / 1000} s. Set your clock, and send milliseconds.`,
      );
    }
    const key = await this.#store.read('system', (work) => work.keys.find(given.key));
    const usable = key !== undefined && key.revokedAt === null && (key.expiresAt === null || key.expiresAt > now);
    const secret = usable ? this.#secretOf(key.secretSealed) : this.#noSecret;
    const signed = Buffer.from(given.signature, 'hex');
    // The published text of the API also shows the path without its leading slash.
    const matches = [path, path.slice(1)].map((form) => {
      const expected = createHmac('sha256', secret)
        .update(signedHead({ ...given, method, path: form }))
        .update(body)
        .digest();
      return timingSafeEqual(expected, signed);
    });
    if (!usable || !matches.includes(true)) {
      throw refuse(
        'The key or the signature is wrong. The signed text is {key}{METHOD}{path}{timestamp}{nonce}{body}, HMAC-SHA256 under the secret; the path has the prefix and no query.',
      );
    }
    if (!this.#journal.use(key.id, given.nonce)) throw replayed();
    this.#note(key.id, key.lastUsedAt, now);
    const { id: keyId, organisationId, permissions } = key;
    return { keyId, organisationId, permissions, nonce: given.nonce, nonceExpiresAt: timestamp + clockToleranceMs };
  }
}

export const replayed = () => refuse('The nonce was used before; make a new one for every request.');
