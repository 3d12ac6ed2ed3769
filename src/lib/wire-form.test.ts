// The form on the wire: what was sent comes back as it was.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromWire, toWire } from './wire-form.ts';

describe('the form on the wire', () => {
  it('has names in snake_case and times as text, and is undone without a loss', () => {
    const value = {
      storedGb: 1.5,
      createdAt: 1_700_000_000_123,
      endedAt: null,
      list: [{ isOn: true, inner: { usedAt: 0 } }, 'textThatStays'],
    };
    const sent = {
      stored_gb: 1.5,
      created_at: '2023-11-14T22:13:20.123Z',
      ended_at: null,
      list: [{ is_on: true, inner: { used_at: '1970-01-01T00:00:00.000Z' } }, 'textThatStays'],
    };
    assert.deepEqual(toWire(value), sent);
    assert.deepEqual(fromWire(sent), value);
  });
});
