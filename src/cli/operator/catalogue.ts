// The nouns of the catalogue as the operator sees them: `list --local`, or with a key of operators.

import type { ListFlags } from '../listing.ts';
import type { Listed } from '../remote/catalogue.ts';
import type { Remote } from '../remote/settings.ts';
import { printBases } from './base.ts';
import type { OperatorContext } from './context.ts';
import type { Desk } from './desk.ts';
import { printMachineTypes } from './machine-type.ts';
import { printSoftware } from './software.ts';

type Print = (desk: Desk, context: OperatorContext, flags: ListFlags) => Promise<void>;

const prints: Record<Listed, Print> = {
  base: printBases,
  software: printSoftware,
  'machine-type': printMachineTypes,
};

/**
 * Lists a noun of the catalogue with the fields that only the operator sees: from the data
 * directory, or over the API of the server that the flags, the environment or the profile name.
 */
export async function listAsOperator(
  context: OperatorContext,
  noun: Listed,
  { dataDir, isLocal, ...flags }: Remote & ListFlags & { isLocal: boolean },
): Promise<void> {
  if (!isLocal) return context.withDesk(flags, (desk) => prints[noun](desk, context, flags));
  const { localDesk } = await import('./local-desk.ts');
  await context.withStore({ dataDir }, (opened) => prints[noun](localDesk(opened), context, flags));
}
