// Adds the networks of machines and machine types, the addresses of machines, when their network
// wants care, and the ports of the host that lead to them.

import { statements } from './statements.ts';

export const networks = statements(`
alter table machine_type add column network text;
alter table machine add column network text;
alter table machine add column addresses text;
alter table machine add column network_due_at bigint;
create index machine_network_due on machine (network_due_at) where network_due_at is not null;
create table machine_forward (
  id IDENTITY, organisation_id bigint not null references organisation (id),
  machine_id bigint not null references machine (id), protocol text not null, address text not null,
  port integer not null, guest_port integer not null, opened_at bigint, fault text,
  created_at bigint not null);
create unique index machine_forward_port on machine_forward (protocol, port);
create index machine_forward_machine on machine_forward (machine_id)`);
