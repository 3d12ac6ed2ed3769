// Names in the operator's catalogue. People type them in place of ids, so each name belongs to one
// thing of its kind.

import { AppError, invalid } from '../../domain/error.ts';
import { nameFault } from '../../lib/plain-text.ts';

export const nameLengthMax = 100;

/** Throws `invalid` for a name that is too long, blank, or not shown as it is. */
export function assertName(name: string): void {
  if (name.trim() === '' || [...name].length > nameLengthMax)
    throw invalid(`The name must have 1 to ${nameLengthMax} characters.`);
  const fault = nameFault(name);
  if (fault !== null) throw invalid(`The name ${fault}; remove it.`);
}

/** Throws `conflict`, with a remedy, when a thing of the list has the name. */
export function assertNameFree(
  noun: string,
  name: string,
  list: readonly { id: number; name: string }[],
  cure: (id: number) => string,
): void {
  const same = list.find((one) => one.name === name);
  if (same)
    throw new AppError(
      'conflict',
      `There is a ${noun} named ${JSON.stringify(name)} already (id ${same.id}); ${cure(same.id)}`,
    );
}
