// The permissions of a machine. `public_internet_access` is enforced by the task `network`; the
// others are kept for clients that show them.

import { AppError } from '../domain/error.ts';
import type { MachineId } from '../domain/ids.ts';
import type { ChangeContext } from './context.ts';

/** Some of the permissions; an `undefined` permission is left out. */
export type GivenPermissions = Record<string, boolean | undefined>;

export const definedPermissions = (given: GivenPermissions): Record<string, boolean> =>
  Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, boolean] => entry[1] !== undefined),
  );

/** Permissions that are left out stay as they are. Throws `not_found`, `permissions_missing`. */
export async function machinePermissionsSet(
  { work, touched }: ChangeContext,
  id: MachineId,
  given: GivenPermissions | undefined,
): Promise<void> {
  const machine = await work.machines.get(id);
  touched({ machineIds: [id] });
  if (given === undefined)
    throw new AppError(
      'permissions_missing',
      'The body lacks the field permissions; send {"permissions": {name: true or false}}.',
    );
  await work.machines.setPermissions(id, { ...machine.permissions, ...definedPermissions(given) });
}
