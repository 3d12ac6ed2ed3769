// The usage and the quotas of an organisation on the wire.

import { Type } from 'typebox';
import { define } from './operation.ts';

const Used = (description: string) =>
  Type.Object(
    {
      used: Type.Number(),
      limit: Type.Number({ description: 'The most that the organisation may have' }),
    },
    { description },
  );

const Usage = {
  images: Used('Images'),
  machines: Used('Machines'),
  builds: Used('Images that are being made now'),
  stored_gb: Used(
    "GB that its captures, imports, files of transfers and machines' disks take on the disk of the host until they are gone, and that they may still write",
  ),
  reserved_gb: Type.Number({
    description:
      'The part of stored_gb that is not written yet: what uploads, exports and captures under way may take, and the growth of disks of machines that are on',
  }),
  kept_gb: Used('GB of replaced disks that are kept for a while; the oldest give way'),
  disks_gb: Type.Number({ description: "The part of stored_gb that machines' own disks take" }),
  memory_mb: Type.Number({ description: 'MB of memory of its machines that are on' }),
  cpus: Type.Number({ description: 'Processors of its machines that are on' }),
};

export const organisationOperations = {
  usageGet: define({
    method: 'GET',
    path: '/usage',
    tag: 'Usage',
    summary: 'Show what the organisation has and may have',
    permission: 'images:read',
    response: Usage,
    errors: [],
    extension: true,
  }),
} as const;
