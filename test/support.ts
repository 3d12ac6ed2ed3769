// What tests share: temporary folders that go with the test, and waiting for a condition instead of sleeping.

import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A temporary folder that QEMU's user may pass, removed after the test. */
export async function temporaryFolder(t: Pick<TestContext, 'after'>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'silversmith-'));
  await chmod(folder, 0o711);
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Resolves to the first value that is neither undefined, null nor false; fails at the limit with what it waited for. */
export async function waitFor<Value>(
  what: string,
  condition: () => Promise<Value> | Value,
  limitMs = 10_000,
  everyMs = 10,
): Promise<NonNullable<Value>> {
  const end = Date.now() + limitMs;
  while (Date.now() < end) {
    const value = await condition();
    if (value !== undefined && value !== null && value !== false) return value as NonNullable<Value>;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  throw new Error(`not within ${limitMs} ms: ${what}`);
}
