// The answers of the scripts of an instant start: how they ended, and what that means. The guest
// controls every answer, so none is trusted.

/** By which the scripts say why a guest cannot be used; see `faultOf`. */
export const [cannotReseed, isBusy, hookFailed] = [71, 72, 73];
/** By which they say that the guest has no address. */
export const hasNone = 74;
export const hookSeconds = 30;
/** The most characters of what a hook has said. */
export const saidCharsMax = 300;

export interface Ended {
  exitCode: number;
  stdout: string;
}

/** Why a script that ended so leaves the guest unusable, as the end of a sentence. */
export function faultOf({ exitCode, stdout }: Ended): string | null {
  if (exitCode === 0) return null;
  if (exitCode === cannotReseed)
    return 'its guest cannot draw new random numbers (it has none of perl, python3 and a kernel that knows vmgenid), so machines would share them';
  if (exitCode === isBusy)
    return 'its guest was still starting something a minute after it was ready';
  if (exitCode === hookFailed) return hookFault(stdout);
  return `its guest could not be given an identity of its own (exit status ${exitCode})`;
}

function hookFault(stdout: string): string {
  const [name = '', status = '', ...said] = stdout.trim().split(/\s+/);
  const why = status === '124' ? `did not end within ${hookSeconds} s` : `failed (${status})`;
  const shown = [...said.join(' ')].filter((one) => one >= ' ').join('');
  const last = shown === '' ? '' : `: ${shown.slice(0, saidCharsMax)}`;
  return `the hook ${name.slice(0, 100)} of its image ${why}${last}`;
}
