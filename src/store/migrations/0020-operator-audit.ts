// The audit trail of operators: changes that are made on the host itself, which no key asks for.

import { statements } from './statements.ts';

export const operatorAudit = statements(`
create table operator_audit (
  id IDENTITY, operator text not null, action text not null, thing text not null,
  outcome text not null, reason text, created_at bigint not null, ended_at bigint);
create index operator_audit_created on operator_audit (created_at)`);
