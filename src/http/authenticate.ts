// The authentication of a request. The form and the clock of its header are checked before its body
// is read, so that a request without a good header costs no memory. The signature covers the raw
// bytes of the body, never JSON that was written again.
//
// A refusal says which check failed (format, key, clock, signature or replay). An unknown key takes
// the same path as a known one, and is compared under a random secret, so that a caller cannot find
// out which keys exist.
//
// A signature is valid once. Signatures are remembered, not nonces: the signed text has no
// separators, so the same bytes under the same signature may be cut into other parts, and short
// nonces of different requests can be equal.

import { createHmac, type Hmac, timingSafeEqual } from 'node:crypto';
import type { Callers, FoundKey, SignedCaller, SignedOperator } from '../app/caller.ts';
import { replayed } from '../app/command.ts';
import {
  bytesNonceLength,
  type Credentials,
  parseAuthorization,
  signedHead,
} from '../contract/signing.ts';
import { AppError } from '../domain/error.ts';
import type { SignatureUse, SignedRequest } from '../domain/signature.ts';
import type { Clock } from '../lib/clock.ts';
import { TokenBuckets } from '../lib/token-bucket.ts';

export const clockToleranceMs = 5 * 60_000;

interface RequestHead {
  authorization: string | undefined;
  method: string;
  /** As received, without the query. */
  path: string;
  hasBody: boolean;
  /** Whether the body is bytes instead of JSON. */
  isBytes: boolean;
}

/**
 * The memory of used signatures: this server's own journal, or one that all servers on a database
 * share.
 */
interface UsedSignatures {
  has(signature: string): boolean;
  /** `early`: the request was signed before the memory began, so it may be a replay. */
  use(request: SignedRequest): SignatureUse | Promise<SignatureUse>;
  /** Remembers the signature of a request that the rate limit refused. */
  refuse(request: SignedRequest): void;
}

/** A request whose header is in order, and whose body is still to come. */
interface Claim {
  given: Credentials;
  /** Null for a key that is not in use: the request is refused when its body has come. */
  caller: FoundKey['caller'];
  isKept: boolean;
  /** Those that the body is added to when it comes. */
  hmacs: Hmac[];
  /** Makes one more of a request without a body, because hardly any client needs it. */
  other: (() => Hmac) | null;
}

const refuse = (message: string) => new AppError('unauthenticated', message);

export class Authenticator {
  readonly #callers: Callers;
  readonly #clock: Clock;
  readonly #used: UsedSignatures;
  readonly #requestsPerSecond: number;
  readonly #limits: TokenBuckets;

  constructor(options: {
    callers: Callers;
    clock: Clock;
    used: UsedSignatures;
    /** The lasting rate at which one key may send; twice as many at once. 0: no limit. */
    requestsPerSecond: number;
  }) {
    this.#callers = options.callers;
    this.#clock = options.clock;
    this.#used = options.used;
    this.#requestsPerSecond = options.requestsPerSecond;
    this.#limits = new TokenBuckets(options.requestsPerSecond);
  }

  /** Judges the header without the body. Throws `unauthenticated`. */
  async claim({ authorization, method, path, hasBody, isBytes }: RequestHead): Promise<Claim> {
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
    const { caller, secret, isKept } = await this.#callers.find(given.key);
    const hmacOf = (form: string) =>
      createHmac('sha256', secret).update(signedHead({ ...given, method, path: form }));
    // The published text of the API also shows the path without its leading slash.
    const other = () => hmacOf(path.slice(1));
    const hmacs = hasBody ? [hmacOf(path), other()] : [hmacOf(path)];
    return { given, caller, isKept, hmacs, other: hasBody ? null : other };
  }

  /**
   * Judges the signature when the body is there. A right signature is used up, whatever becomes of
   * the request. Throws `unauthenticated`, and `too_many_requests`, which comes after the signature
   * was judged and takes no place in the journal's file.
   */
  async prove({
    given,
    caller,
    isKept,
    hmacs,
    other,
  }: Claim): Promise<SignedCaller | SignedOperator> {
    const { signature } = given;
    const signed = Buffer.from(signature, 'hex');
    const isRight = (hmac: Hmac) => timingSafeEqual(hmac.digest(), signed);
    if (!(hmacs.some(isRight) || (other && isRight(other()))) || caller === null) {
      if (isKept) await this.#callers.ask(given.key);
      throw refuse(
        'The key or the signature is wrong. The signed text is {key}{METHOD}{path}{timestamp}{nonce}{body}, HMAC-SHA256 under the secret; the path has the prefix and no query.',
      );
    }
    const { keyId } = caller;
    const signedAt = Number(given.timestamp);
    const signatureExpiresAt = signedAt + clockToleranceMs;
    await this.#use({ keyId, signature, signedAt, expiresAt: signatureExpiresAt });
    this.#callers.noteUse(caller);
    const { lastUsedAt: _, ...known } = caller;
    return { ...known, signature, signatureExpiresAt };
  }

  async #use(request: SignedRequest): Promise<void> {
    if (this.#used.has(request.signature)) throw replayed();
    const waitMs = this.#limits.take(request.keyId, this.#clock.now());
    if (waitMs > 0) {
      this.#used.refuse(request);
      throw this.#tooFast(waitMs);
    }
    const use = await this.#used.use(request);
    if (use.is === 'used') throw replayed();
    if (use.is === 'fast') throw this.#tooFast(use.waitMs);
    if (use.is === 'early')
      throw refuse(
        'The request was signed before this server began to remember signatures; sign it anew.',
      );
  }

  #tooFast(waitMs: number): AppError {
    return new AppError(
      'too_many_requests',
      `This key sends more than ${this.#requestsPerSecond} requests a second; wait ${Math.ceil(waitMs / 1000)} s.`,
      { retryAfterMs: waitMs },
    );
  }
}
