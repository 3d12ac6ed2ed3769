// The types of ids: numbers for things that callers name on the wire, and texts that Silversmith
// chooses for things that engines keep. The brands exist in types only: they keep an image's number
// from being passed where a machine's is meant.

declare const brand: unique symbol;
type Branded<Value, Name> = Value & { readonly [brand]: Name };

export type OrganisationId = Branded<number, 'organisation'>;
export type ImageId = Branded<number, 'image'>;
export type MachineId = Branded<number, 'machine'>;
export type SoftwareId = Branded<number, 'software'>;
export type BaseImageId = Branded<number, 'base image'>;
export type MachineTypeId = Branded<number, 'machineType'>;
export type JobId = Branded<number, 'job'>;
export type LayerId = Branded<string, 'layer'>;
export type DiskId = Branded<string, 'disk'>;
export type TemplateId = Branded<string, 'template'>;
export type TransferId = Branded<string, 'transfer'>;
/** Of a file that an operator sends: its digest. */
export type UploadId = Branded<string, 'upload'>;
export type ErrandId = Branded<string, 'errand'>;
export type WebhookId = Branded<string, 'webhook'>;
export type KeyId = Branded<string, 'key'>;

/**
 * The same shape without brands: plain numbers and texts in the place of ids. Callers of the API
 * have these, because only this program gives brands, after its checks.
 */
export type Plain<Shape> = Shape extends { readonly [brand]: unknown }
  ? Shape extends number
    ? number
    : string
  : Shape extends readonly (infer Item)[]
    ? Plain<Item>[]
    : Shape extends object
      ? { [Key in keyof Shape]: Plain<Shape[Key]> }
      : Shape;
