// The callers of the API: the key that a request names, whether that key is in use, and its secret.

import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import type { KeyId, OrganisationId } from '../domain/ids.ts';
import { type AccessKey, isInUse, type Permission } from '../domain/key.ts';
import {
  isOperatorKeyId,
  type OperatorKey,
  type OperatorPermission,
} from '../domain/operator-key.ts';
import type { MasterKey } from '../lib/master-key.ts';
import { SharedRun } from '../lib/shared-run.ts';
import type { Store } from '../store/port/unit-of-work.ts';

const keptMax = 10_000;
const lastUsedEveryMs = 60_000;

export interface Caller {
  keyId: KeyId;
  organisationId: OrganisationId;
  permissions: readonly Permission[];
}

/** A caller with a key of an operator, which belongs to no organisation. */
export interface OperatorCaller {
  keyId: KeyId;
  organisationId: null;
  permissions: readonly OperatorPermission[];
}

interface Signature {
  signature: string;
  /** From when on the request's timestamp is too old, ms since 1970. */
  signatureExpiresAt: number;
}

/** Callers whose signatures are right. */
export type SignedCaller = Caller & Signature;
export type SignedOperator = OperatorCaller & Signature;

type AnyKey = AccessKey | OperatorKey;

export interface FoundKey {
  /** Null for a key that does not exist, was revoked or has expired. */
  caller: ((Caller | OperatorCaller) & { lastUsedAt: number | null }) | null;
  /** The secret to compare a signature with; a random one when there is no caller. */
  secret: KeyObject;
  /** Whether the key was kept, so that the store was not asked. */
  isKept: boolean;
}

function callerOf(key: AnyKey): NonNullable<FoundKey['caller']> {
  const { id: keyId, lastUsedAt } = key;
  return 'organisationId' in key
    ? { keyId, organisationId: key.organisationId, permissions: key.permissions, lastUsedAt }
    : { keyId, organisationId: null, permissions: key.permissions, lastUsedAt };
}

/** The keys of the kind that an id is of. Its form is no secret, so the time may tell the kind. */
const keysLike = <Keys, OperatorKeys>(
  work: { keys: Keys; operatorKeys: OperatorKeys },
  id: string,
) => (isOperatorKeyId(id) ? work.operatorKeys : work.keys);

export class Callers {
  readonly #store: Store;
  readonly #masterKey: MasterKey;
  readonly #now: () => number;
  /** Sealed like the secrets of keys, so that an unknown key costs the same work. */
  readonly #secretOfNone: string;
  readonly #secrets = new Map<string, KeyObject>();
  /** Keys in use, as they are in this version of the store. */
  readonly #kept = new Map<string, AnyKey>();
  #version: number | null = null;
  /** Whether the version was asked for in this turn of the event loop. */
  #isAsked = false;
  readonly #shared = new SharedRun<AnyKey | undefined>();
  readonly #notedAt = new Map<KeyId, number>();

  constructor(options: { store: Store; masterKey: MasterKey; now: () => number }) {
    this.#store = options.store;
    this.#masterKey = options.masterKey;
    this.#now = options.now;
    this.#secretOfNone = options.masterKey.seal(randomBytes(32).toString('base64url'));
  }

  /**
   * Finds the key in the same time whether it exists or not, unless it is kept: who refuses a
   * request under a kept key spends the rest of the time by `ask`.
   */
  async find(id: string): Promise<FoundKey> {
    const kept = this.#keptNow().get(id);
    const key = kept ?? (await this.ask(id));
    const isKept = kept !== undefined;
    if (key === undefined || !isInUse(key, this.#now()))
      return { caller: null, secret: this.#unseal(this.#secretOfNone), isKept };
    return { caller: callerOf(key), secret: this.#unseal(key.secretSealed), isKept };
  }

  /** Those of the keys that are in use now; asks for all of them at once. */
  async inUse(ids: readonly KeyId[]): Promise<Set<KeyId>> {
    const keys = await this.#store.read('system', (work) => work.keys.findMany(ids));
    return new Set(keys.filter((key) => isInUse(key, this.#now())).map(({ id }) => id));
  }

  /** Asks the store for a key, and keeps it. */
  async ask(id: string): Promise<AnyKey | undefined> {
    const version = this.#version;
    const key = await this.#shared.run(id, () =>
      this.#store.read(
        'system',
        (work): Promise<AnyKey | undefined> => keysLike(work, id).claimed(id),
      ),
    );
    if (key && version !== null && version === this.#version && this.#kept.size < keptMax)
      this.#kept.set(id, key);
    return key;
  }

  /**
   * The keys that are kept for the store as it is. Requests arrive in the poll phase of the event
   * loop, and those of one phase share the question.
   */
  #keptNow() {
    if (this.#isAsked) return this.#kept;
    const version = this.#store.version();
    if (version === null || version !== this.#version) this.#kept.clear();
    this.#version = version;
    this.#isAsked = true;
    setImmediate(() => {
      this.#isAsked = false;
    });
    return this.#kept;
  }

  /** Keeps secrets in memory, because to unseal one takes longer than the rest of the check. */
  #unseal(sealed: string): KeyObject {
    let secret = this.#secrets.get(sealed);
    if (secret === undefined) {
      secret = createSecretKey(this.#masterKey.open(sealed), 'utf8');
      if (this.#secrets.size >= keptMax) this.#secrets.clear();
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
    this.#store.write('system', (work) => keysLike(work, keyId).used(keyId)).catch(() => {});
  }
}
