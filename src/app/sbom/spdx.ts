// A list of packages as SPDX 2.3. What the databases do not say stands as NOASSERTION, as that form
// asks for.

import { type Form, purlOf, type Subject, uuidOf } from './form.ts';

const unsaid = 'NOASSERTION';
const imageRef = 'SPDXRef-Image';
const unknown = {
  downloadLocation: unsaid,
  filesAnalyzed: false,
  licenseConcluded: unsaid,
  licenseDeclared: unsaid,
  copyrightText: unsaid,
};

export function spdx(subject: Subject): Form {
  const { name, id, listedAt, list } = subject;
  const refs = list.packages.map((_, index) => `SPDXRef-Package-${index + 1}`);
  const relationships = [
    ['SPDXRef-DOCUMENT', 'DESCRIBES', imageRef],
    ...refs.map((ref) => [imageRef, 'CONTAINS', ref]),
  ].map(([spdxElementId, relationshipType, relatedSpdxElement]) => ({
    spdxElementId,
    relationshipType,
    relatedSpdxElement,
  }));
  const { system, notes } = list;
  return {
    mediaType: 'application/spdx+json; version=2.3',
    head: {
      spdxVersion: 'SPDX-2.3',
      dataLicense: 'CC0-1.0',
      SPDXID: 'SPDXRef-DOCUMENT',
      name,
      documentNamespace: `urn:uuid:${uuidOf(subject, 'spdx')}`,
      creationInfo: {
        // The form takes whole seconds.
        created: `${new Date(listedAt).toISOString().slice(0, 19)}Z`,
        creators: ['Tool: silversmith'],
      },
      ...(notes.length > 0 && { comment: notes.join('\n') }),
      relationships,
    },
    listField: 'packages',
    more: [
      {
        SPDXID: imageRef,
        name,
        versionInfo: String(id),
        primaryPackagePurpose: 'OPERATING-SYSTEM',
        ...(system && { summary: system.title }),
        ...unknown,
      },
    ],
    item: (one, position) => ({
      SPDXID: `SPDXRef-Package-${position}`,
      name: one.name,
      versionInfo: one.version,
      ...unknown,
      ...(one.licence !== null && { licenseComments: `The package says: ${one.licence}` }),
      ...(one.source !== null && { sourceInfo: `built from ${one.source}` }),
      externalRefs: [
        {
          referenceCategory: 'PACKAGE-MANAGER',
          referenceType: 'purl',
          referenceLocator: purlOf(one, list),
        },
      ],
    }),
  };
}
