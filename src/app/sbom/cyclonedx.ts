// A list of packages as CycloneDX 1.6, by the library of that project.

import { Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import { type Form, purlOf, type Subject, uuidOf } from './form.ts';

const factory = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);

export function cyclonedx(subject: Subject): Form {
  const { name, id, listedAt, list } = subject;
  const image = new Models.Component(Enums.ComponentType.OperatingSystem, name, {
    bomRef: `image-${id}`,
    ...(list.system && { description: list.system.title, version: list.system.version ?? '' }),
  });
  for (const note of list.notes)
    image.properties.add(new Models.Property('silversmith:note', note));
  const bom = new Models.Bom({
    serialNumber: `urn:uuid:${uuidOf(subject, 'cyclonedx')}`,
    metadata: new Models.Metadata({ timestamp: new Date(listedAt), component: image }),
  });
  const { components: _, ...head } = factory.makeForBom().normalize(bom, {});
  const components = factory.makeForComponent();
  return {
    mediaType: 'application/vnd.cyclonedx+json; version=1.6',
    head: { ...head },
    listField: 'components',
    more: [],
    item(one, position) {
      const component = new Models.Component(Enums.ComponentType.Library, one.name, {
        bomRef: `package-${position}`,
        version: one.version,
        purl: purlOf(one, list),
      });
      if (one.licence !== null) component.licenses.add(new Models.NamedLicense(one.licence));
      return components.normalize(component, {});
    },
  };
}
