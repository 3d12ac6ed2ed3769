// The rows that the tests of upgrades put into a store: one for each table, and a few more layers.

export const at = 1_700_000_000_000;
export type Row = Record<string, string | number | null>;

/** A row for each table, with all columns of the newest schema; an older schema takes its own. */
export const rows: [table: string, row: Row][] = [
  ['organisation', { id: 1, name: 'Studio', created_at: at, quotas: '{}', generalize_at: null }],
  [
    'access_key',
    {
      ...{
        id: 'key-1',
        organisation_id: 1,
        name: 'key',
        secret_sealed: 'sealed',
        master_key_id: 'm',
        permissions: '[]',
      },
      ...{ created_at: at, revoked_at: null, expires_at: null, last_used_at: at },
    },
  ],
  [
    'machine_type',
    { id: 1, name: 'Small', code: 's', cpus: 1, memory_mb: 512, disk_size_gb: 10, created_at: at },
  ],
  ...(['base', 'step', 'capture'] as const).map((id, index, ids): [string, Row] => [
    'layer',
    {
      ...{
        id,
        kind: ['base', 'software', 'capture'][index] ?? '',
        parent_id: ids[index - 1] ?? null,
        base_layer_id: 'base',
      },
      ...{
        key: id === 'capture' ? null : id,
        state: 'sealed',
        virtual_bytes: 1,
        stored_bytes: 1,
        job_id: null,
      },
      ...{
        created_at: at,
        digest: null,
        verified_at: null,
        used_at: null,
        deleting_at: null,
        fault: null,
        lost_key: null,
        boot: id === 'base' ? '{"mode":"firmware"}' : null,
        organisation_id: id === 'capture' ? 1 : null,
      },
    },
  ]),
  [
    'layer',
    {
      ...{
        id: 'bare',
        kind: 'base',
        parent_id: null,
        base_layer_id: 'bare',
        key: 'bare',
        state: 'sealed',
      },
      ...{
        virtual_bytes: 1,
        stored_bytes: 1,
        job_id: null,
        created_at: at,
        boot: '{"mode":"firmware"}',
      },
    },
  ],
  // The layer of a standalone import, from versions that kept the boot profile with the bases.
  [
    'layer',
    {
      ...{
        id: 'alone',
        kind: 'capture',
        parent_id: null,
        base_layer_id: 'alone',
        key: null,
        state: 'sealed',
      },
      ...{
        virtual_bytes: 1,
        stored_bytes: 1,
        job_id: null,
        created_at: at,
        boot: '{"mode":"firmware"}',
      },
      ...{ organisation_id: 1 },
    },
  ],
  ...['base', 'step', 'capture', 'bare', 'alone'].map((id): [string, Row] => [
    'layer_copy',
    { layer_id: id, place: 'local', state: 'sound', stored_bytes: 1 },
  ]),
  // Other layers stand on the first base, and nothing on the second.
  ...([1, 2] as const).map((id): [string, Row] => [
    'base_image',
    {
      ...{
        id,
        name: `Base ${id}`,
        size_gb: 4,
        layer_id: id === 1 ? 'base' : 'bare',
        boot: '{"mode":"firmware"}',
      },
      ...{ created_at: at, proved_at: id === 1 ? at : null },
    },
  ]),
  [
    'software',
    {
      ...{ id: 1, name: 'Editor', size_gb: 1, recipe_digest: 'd', created_at: at },
      recipe: '{"script":"true","files":[],"network":false,"timeoutMs":1000}',
    },
  ],
  ...(['available', 'pending'] as const).map((status, index): [string, Row] => [
    'image',
    {
      ...{
        id: index + 1,
        organisation_id: 1,
        name: `Image ${status}`,
        name_folded: `image ${status}`,
        size_gb: 5,
        status,
      },
      ...{
        status_reason: null,
        source: 'seat',
        layer_id: status === 'available' ? 'capture' : null,
        base_image_id: null,
      },
      ...{
        machine_id: 1,
        created_at: at,
        updated_at: at,
        deleted_at: null,
        protected_at: null,
        report: null,
      },
    },
  ]),
  [
    'image',
    {
      ...{
        id: 3,
        organisation_id: 1,
        name: 'Alone',
        name_folded: 'alone',
        size_gb: 5,
        status: 'available',
      },
      ...{
        status_reason: null,
        source: 'pre_installation',
        layer_id: 'alone',
        base_image_id: null,
        machine_id: null,
      },
      ...{ created_at: at, updated_at: at, deleted_at: at, protected_at: null, report: null },
    },
  ],
  ['image_software', { image_id: 1, software_id: 1, position: 1 }],
  [
    'build_step',
    {
      image_id: 1,
      position: 1,
      software_id: 1,
      cache: 'miss',
      exit_code: 0,
      duration_ms: 5,
      output: 'said',
    },
  ],
  [
    'disk',
    {
      ...{
        id: 'disk',
        organisation_id: 1,
        machine_id: 1,
        layer_id: 'capture',
        state: 'active',
        size_gb: 10,
      },
      ...{
        kept_until: null,
        created_at: at,
        image_id: 1,
        replaces_id: null,
        stored_bytes: 1,
        deleting_at: null,
      },
    },
  ],
  [
    'machine',
    {
      ...{
        id: 1,
        organisation_id: 1,
        name: 'One',
        name_folded: 'one',
        machine_type_id: 1,
        region: null,
        machine_type: 's',
      },
      ...{
        cpus: 1,
        memory_mb: 512,
        disk_size_gb: 10,
        file_storage_size_gb: 0,
        status: 'off',
        status_reason: null,
      },
      ...{
        disk_id: 'disk',
        assigned_image_id: 1,
        assignment_pending_at: at,
        capturing_image_id: null,
      },
      ...{
        stop_requested_at: null,
        last_session_start_at: at,
        permissions: '{}',
        created_at: at,
        updated_at: at,
      },
      ...{ prior_image_id: null, prior_pending_at: null },
    },
  ],
  [
    'job',
    {
      ...{
        id: 1,
        kind: 'imageInstall',
        organisation_id: 1,
        image_id: 2,
        machine_id: null,
        state: 'running',
        phase: 'p',
      },
      ...{
        progress: 0.5,
        attempts: 1,
        not_before: at,
        lease_owner: 'dead',
        lease_until: at,
        reason: null,
        data: '{}',
      },
      ...{ created_at: at, updated_at: at },
    },
  ],
  ['nonce', { key_id: 'key-1', nonce: 'n', expires_at: at }],
  ['nonce', { key_id: 'key-1', nonce: 'older', expires_at: at - 1 }],
  ['signature', { key_id: 'key-1', signature: 's', expires_at: at }],
  [
    'audit',
    {
      ...{
        id: 1,
        organisation_id: 1,
        key_id: 'key-1',
        action: 'imageDelete',
        image_id: 9,
        machine_id: null,
      },
      ...{ request_id: 'r', client_code: 200, created_at: at },
    },
  ],
];
