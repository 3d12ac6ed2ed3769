// An operator's key: the credential with which an operator signs requests to the operator's API. It
// belongs to no organisation, and is made on the host itself.

import type { AccessKey } from './key.ts';

export const operatorPermissions = [
  'operator:read',
  'operator:write',
  // It runs commands inside machines of all organisations.
  'operator:exec',
] as const;

export type OperatorPermission = (typeof operatorPermissions)[number];

/** Those of a key for which none are named: all but the one that reaches into machines. */
export const usualOperatorPermissions = operatorPermissions.filter(
  (one) => one !== 'operator:exec',
);

export const isOperatorPermission = (text: string): text is OperatorPermission =>
  (operatorPermissions as readonly string[]).includes(text);

export interface OperatorKey extends Omit<AccessKey, 'organisationId' | 'permissions'> {
  permissions: OperatorPermission[];
}

export const operatorKeyPrefix = 'op';

/**
 * Whether an id is of a key of an operator, by its form alone; ids of other keys begin with `ss`.
 */
export const isOperatorKeyId = (id: string): boolean => id.startsWith(operatorKeyPrefix);
