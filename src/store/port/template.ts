// Templates of images, by which machines start without booting. They belong to a host as the copies
// of layers do, so the scope does not matter here: only the reconciler and operators use them.

import type { ImageId, LayerId, OrganisationId, TemplateId } from '../../domain/ids.ts';
import type {
  SizedTemplate,
  Template,
  TemplateFor,
  TemplatePolicy,
} from '../../domain/template.ts';

export type NewTemplate = TemplateFor & Pick<Template, 'id' | 'fingerprint'>;

/** With the name of an image or base that it is for; null when none is left. */
export type ListedTemplate = SizedTemplate & { name: string | null };

export type TemplateChange = Partial<
  Omit<Template, keyof TemplateFor | 'id' | 'place' | 'fingerprint' | 'state' | 'createdAt'>
>;

export interface TemplateReader {
  /** Undefined when there is none. */
  find(id: TemplateId): Promise<Template | undefined>;
  /** All templates, oldest first. */
  list(): Promise<ListedTemplate[]>;
  /** The sizes that machines of an organisation have. */
  sizesOf(id: OrganisationId): Promise<Omit<TemplateFor, 'layerId'>[]>;
  /** Those for one head and size that are not `deleting`, of any fingerprint, newest first. */
  of(what: TemplateFor): Promise<Template[]>;
  /** The one that is ready and whose result is the layer; undefined when there is none. */
  ofResult(layerId: LayerId): Promise<Template | undefined>;
  /**
   * What templates are wanted for by the policies of images and organisations, else by `usual`.
   * What most machines are assigned to comes first; at most `limit`. Only images that can be
   * started from, and sizes that a machine of the organisation has.
   */
  wanted(usual: TemplatePolicy, limit: number): Promise<TemplateFor[]>;
  /**
   * The templates that are not `deleting` and for which no image or base is left, or only such for
   * which they or their organisation say `never`. A deleted image that can be brought back keeps
   * one that is ready.
   */
  unwanted(): Promise<Template[]>;
  /** Whether templates are made for an image of an organisation; null: for its next base. */
  policyFor(
    organisationId: OrganisationId,
    imageId: ImageId | null,
    usual: TemplatePolicy,
  ): Promise<TemplatePolicy>;
  /** The one that is ready and was verified longest ago, before a time; undefined without one. */
  nextToScrub(before: number): Promise<Template | undefined>;
}

export interface TemplateWriter extends TemplateReader {
  /** Adds one that is `making`, in the place of this server. Throws `internal` for a second one. */
  add(template: NewTemplate): Promise<void>;
  /** Does nothing when there is none. */
  update(id: TemplateId, change: TemplateChange): Promise<void>;
  /**
   * Moves it to another state, with more changes. Returns false, without a change, when there is
   * none or its state does not allow it.
   */
  become(id: TemplateId, state: Template['state'], change?: TemplateChange): Promise<boolean>;
  /** Forgets one whose files are gone. Does nothing unless it is `deleting`. */
  remove(id: TemplateId): Promise<void>;
  /** Forgets all of them, as a store does that was brought back without their files. */
  forgetAll(): Promise<void>;
}
