// Notes which bases work. A base in use counts as working, because earlier versions did not try
// bases. Also notes transfers in the audit trail.

import { statements } from './statements.ts';

export const provedBases = statements(`
alter table base_image add column proved_at bigint;
alter table base_image add column failed_at bigint;
update base_image set proved_at = created_at where
  exists (select 1 from layer where layer.parent_id = base_image.layer_id and layer.state = 'sealed')
  or exists (select 1 from disk where disk.layer_id = base_image.layer_id and disk.state in ('active', 'kept'))
  or exists (select 1 from image where image.layer_id = base_image.layer_id);
alter table audit add column transfer_id text;
create index audit_created on audit (created_at)`);
