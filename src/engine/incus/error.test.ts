// Words of Incus 6.0 as they were heard, and what callers are told of them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connectionFault, isChanged, isExisting, isMissing, refusalOf } from './error.ts';

const said: readonly [status: number, said: string, code: string, retry: string][] = [
  [
    400,
    'write /srv/incus/containers/a/backup.yaml: no space left on device',
    'unavailable',
    'later',
  ],
  [400, 'btrfs qgroup limit …: Disk quota exceeded', 'unavailable', 'later'],
  [500, 'Missing event connection with target cluster member', 'unavailable', 'later'],
  [500, "Server isn't ready yet", 'unavailable', 'later'],
  [400, 'Unable to connect to: 127.0.0.2:8443 (connection refused)', 'unavailable', 'later'],
  [503, 'no available cowsql leader server found', 'unavailable', 'later'],
  [500, 'RAFT cluster is unavailable', 'unavailable', 'later'],
  [400, 'unexpected EOF', 'unavailable', 'later'],
  [403, 'Cluster member is evacuated', 'unavailable', 'later'],
  [400, 'Instance is busy running a "create" operation', 'unavailable', 'later'],
  [403, 'Certificate is restricted', 'unavailable', 'later'],
  [400, "Couldn't find a cluster member for the instance", 'no_capacity', 'later'],
  [400, 'Invalid option for volume "a": size', 'internal', 'never'],
];

describe('an error of Incus', () => {
  it('says whether to try again, and gives callers no paths', () => {
    for (const [status, words, code, retry] of said) {
      const error = refusalOf(status, words, 'PUT /1.0/instances/a');
      assert.deepEqual([error.code, error.retry], [code, retry], words);
      assert.doesNotMatch(error.message, /\/srv/);
      assert.match(error.detail ?? '', /^PUT \/1\.0\/instances\/a: \d{3} /);
    }
    const { message } = refusalOf(400, 'lstat /srv/incus/a/rootfs: x'.repeat(99), 'GET /');
    assert.doesNotMatch(message, /srv/);
    assert.ok(message.length < 300);
  });

  it('tells what is missing, existing or changed from other errors', () => {
    const missing = refusalOf(404, 'Instance not found', 'GET /');
    const existing = refusalOf(500, 'UNIQUE constraint failed: projects.name', 'POST /');
    const changed = refusalOf(412, "ETag doesn't match", 'PATCH /');
    for (const [check, only] of [
      [isMissing, missing],
      [isExisting, existing],
      [isChanged, changed],
    ] as const)
      for (const error of [missing, existing, changed]) assert.equal(check(error), error === only);
  });

  it('tells the operator of a connection that is not made what to do, and callers no address', () => {
    for (const [at, isTls, code, remedy] of [
      ['/run/incus.sock', false, 'ENOENT', /There is no Incus at \/run\/incus.sock.*--incus-url/],
      ['/run/incus.sock', false, 'EACCES', /group incus-admin/],
      ['one:8443', true, 'DEPTH_ZERO_SELF_SIGNED_CERT', /--incus-server-certificate/],
      ['one:8443', true, 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', /client certificate/],
      ['one:8443', true, 'ECONNREFUSED', /one:8443 does not answer/],
    ] as const) {
      const fault = connectionFault(at, isTls, Object.assign(new Error('no'), { code }));
      assert.match(fault.remedy, remedy);
      assert.equal(fault.message, 'The cluster does not answer; try again when it does.');
      assert.equal(fault.retry, 'later');
    }
  });
});
