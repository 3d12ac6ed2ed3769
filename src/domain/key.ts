// An access key: the credential with which a caller signs requests, and its permissions.

import type { KeyId, OrganisationId } from './ids.ts';

export const permissions = [
  'images:read',
  'images:write',
  'machines:read',
  'machines:write',
  'machines:power',
  'software:read',
  'audit:read',
  // It manages the other keys of its organisation.
  'keys:write',
  'webhooks:write',
] as const;

export type Permission = (typeof permissions)[number];

/** Those of a key for which none are named: all that do not make other keys. */
export const usualPermissions = permissions.filter((one) => one !== 'keys:write');

export function isPermission(text: string): text is Permission {
  return (permissions as readonly string[]).includes(text);
}

export interface AccessKey {
  id: KeyId;
  organisationId: OrganisationId;
  name: string;
  /** The secret, encrypted with the master key. */
  secretSealed: string;
  masterKeyId: string;
  permissions: Permission[];
  createdAt: number;
  revokedAt: number | null;
  /** From when on it is refused; null when it does not expire. */
  expiresAt: number | null;
  /** When it was last used, to about a minute; null when it never was. */
  lastUsedAt: number | null;
}

/** Whether a key is accepted at a time: neither revoked nor expired. */
export const isInUse = (
  { revokedAt, expiresAt }: Pick<AccessKey, 'revokedAt' | 'expiresAt'>,
  now: number,
): boolean => revokedAt === null && (expiresAt === null || expiresAt > now);
