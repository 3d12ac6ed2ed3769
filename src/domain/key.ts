// What a key may be allowed to do.

export const permissions = [
  'images:read',
  'images:write',
  'machines:read',
  'machines:write',
  'machines:power',
  'software:read',
  'audit:read',
] as const;

export type Permission = (typeof permissions)[number];

export function isPermission(text: string): text is Permission {
  return (permissions as readonly string[]).includes(text);
}
