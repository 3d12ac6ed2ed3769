// Debian's Chromium for tests.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { defer, type Scope } from '../support.ts';

const executablePath = '/usr/bin/chromium';
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
const patienceMs = 60_000;

export async function browser(t: Scope): Promise<Browser> {
  assert.ok(existsSync(executablePath), 'Chromium is missing; type: bash tools/setup --tests');
  const found = await chromium.launch({ executablePath, args, timeout: patienceMs });
  defer(t, () => found.close());
  return found;
}

/** A page, with what went wrong on it and the origins that it asked. */
export async function pageOf(opened: Browser) {
  const page = await opened.newPage();
  page.setDefaultTimeout(patienceMs);
  const [faults, origins] = [new Set<string>(), new Set<string>()];
  page.on('pageerror', (error) => faults.add(String(error)));
  page.on('console', (said) => {
    if (said.type() === 'error') faults.add(`${said.text()} ${said.location().url}`);
  });
  page.on('request', (asked) => origins.add(new URL(asked.url()).origin));
  return { page, faults, origins };
}
