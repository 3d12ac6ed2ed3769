// Organisations and their quotas, for operators on the wire.

import { Type } from 'typebox';
import { Text } from '../envelope.ts';
import { nothing } from '../operation.ts';
import { TemplatePolicy } from '../template.ts';
import { defineOperator } from './operation.ts';

const quotaMax = 1_000_000_000;
const Limit = (description: string) => Type.Integer({ minimum: 0, maximum: quotaMax, description });

const quotas = {
  images: Limit('Images'),
  machines: Limit('Machines'),
  builds: Limit('Images that are made at once'),
  stored_gb: Limit('GB that its captures, imports and files of transfers take'),
  kept_gb: Limit('GB of replaced disks that are kept'),
};

const Organisation = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  quotas: Type.Object(quotas),
  images: Type.Integer(),
  machines: Type.Integer(),
  builds: Type.Integer({ description: 'Images that are being made' }),
  stored_gb: Type.Number(),
});

const Name = Text(100, 'Name of the organisation');

export const organisationOperations = {
  organisationList: defineOperator({
    method: 'GET',
    path: '/operator/organisations',
    summary: 'List the organisations, what they have and may have',
    response: { organisations: Type.Array(Organisation) },
    errors: [],
  }),
  organisationGeneralize: defineOperator({
    method: 'POST',
    path: '/operator/organisations/generalize',
    summary: 'Set whether captures of an organisation are generalised by default',
    body: Type.Object({ name: Name, on: Type.Boolean() }),
    response: nothing,
    errors: ['not_found'],
  }),
  organisationTemplatesSet: defineOperator({
    method: 'POST',
    path: '/operator/organisations/templates',
    summary: 'Set when templates of the images of an organisation are made',
    body: Type.Object({
      name: Name,
      templates: TemplatePolicy('inherit: as the setting of the server says'),
    }),
    response: nothing,
    errors: ['not_found'],
  }),
  organisationQuotaSet: defineOperator({
    method: 'POST',
    path: '/operator/organisations/quota',
    summary: 'Change the quotas of an organisation; those that are left out stay',
    body: Type.Object({
      name: Name,
      images: Type.Optional(quotas.images),
      machines: Type.Optional(quotas.machines),
      builds: Type.Optional(quotas.builds),
      stored_gb: Type.Optional(quotas.stored_gb),
      kept_gb: Type.Optional(quotas.kept_gb),
    }),
    response: quotas,
    errors: ['not_found'],
  }),
} as const;
