// One word for one thing: tables, columns and states get the names that the code has.

import { statements } from './statements.ts';

export const words = statements(`
drop index operation_open;
drop index operation_of_machine;
drop index operation_of_image;
alter table operation rename to job;
create index job_open on job (kind, not_before) where state in ('queued', 'running');
create unique index job_of_machine on job (machine_id) where state in ('queued', 'running') and machine_id is not null;
create unique index job_of_image on job (image_id) where state in ('queued', 'running') and image_id is not null;
alter table layer rename column operation_id to job_id;
alter table layer rename column doomed_at to deleting_at;
alter table disk rename column doomed_at to deleting_at;
update layer set state = 'deleting' where state = 'doomed';
update disk set state = 'deleting' where state = 'doomed';
alter table stranger rename to orphan;
alter table hold rename to "freeze";
alter table plan rename column machine_type to code;
alter table plan rename to machine_type;
alter table machine rename column plan_id to machine_type_id`);
