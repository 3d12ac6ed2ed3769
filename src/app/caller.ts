// The callers of the API: the key that a request names, whether that key is in use, and its secret.

import { randomBytes } from 'node:crypto';
import type { KeyId, OrganisationId } from '../domain/ids.ts';
import type { Permission } from '../domain/key.ts';
import type { MasterKey } from '../lib/master-key.ts';
import type { Store } from '../store/port/unit-of-work.ts';

const secretsMax = 10_000;
const lastUsedEveryMs = 60_000;

export interface Caller {
  keyId: KeyId;
  organisationId: OrganisationId;
  permissions: readonly Permission[];
}

/** A caller whose signature is right. */
export interface SignedCaller extends Caller {
  signature: string;
  /** From when on the request's timestamp is too old, ms since 1970. */
  signatureExpiresAt: number;
}

export interface FoundKey {
  /** Null for a key that does not exist, was revoked or has expired. */
  caller: (Caller & { lastUsedAt: number | null }) | null;
  /** The secret to compare a signature with; a random one when there is no caller. */
  secret: string;
}

export class Callers {
  readonly #store: Store;
  readonly #masterKey: MasterKey;
  readonly #now: () => number;
  /** Sealed like the secrets of keys, so that an unknown key costs the same work. */
  readonly #secretOfNone: string;
  readonly #secrets = new Map<string, string>();
  readonly #notedAt = new Map<KeyId, number>();

  constructor(options: { store: Store; masterKey: MasterKey; now: () => number }) {
    this.#store = options.store;
    this.#masterKey = options.masterKey;
    this.#now = options.now;
    this.#secretOfNone = options.masterKey.seal(randomBytes(32).toString('base64url'));
  }

  /** Finds the key in the same time whether it exists or not. */
  async find(id: string): Promise<FoundKey> {
    const key = await this.#store.read('system', (work) => work.keys.claimed(id));
    const isInUse =
      key !== undefined &&
      key.revokedAt === null &&
      (key.expiresAt === null || key.expiresAt > this.#now());
    if (!isInUse) return { caller: null, secret: this.#unseal(this.#secretOfNone) };
    const { id: keyId, organisationId, permissions, lastUsedAt } = key;
    const caller = { keyId, organisationId, permissions, lastUsedAt };
    return { caller, secret: this.#unseal(key.secretSealed) };
  }

  /** Keeps secrets in memory, because to unseal one takes longer than the rest of the check. */
  #unseal(sealed: string): string {
    let secret = this.#secrets.get(sealed);
    if (secret === undefined) {
      secret = this.#masterKey.open(sealed);
      if (this.#secrets.size >= secretsMax) this.#secrets.clear();
      this.#secrets.set(sealed, secret);
    }
    return secret;
  }

  /**
   * Records that a key was used, at most once a minute, and beside the request, so that a read does
   * not wait for a write. A failure is ignored: it costs a minute's knowledge.
   */
  noteUse({ keyId, lastUsedAt }: { keyId: KeyId; lastUsedAt: number | null }): void {
    const now = this.#now();
    if (now - Math.max(lastUsedAt ?? 0, this.#notedAt.get(keyId) ?? 0) < lastUsedEveryMs) return;
    this.#notedAt.set(keyId, now);
    this.#store.write('system', (work) => work.keys.used(keyId)).catch(() => {});
  }
}
