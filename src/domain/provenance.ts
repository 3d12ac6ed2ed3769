// The provenance of an exported file, in the form that tools of supply chains read: a statement of
// in-toto (version 1) whose predicate is SLSA provenance (version 1). lib/envelope.ts signs it. The
// statement and the manifest of the file are one text, so that one document says what the file is;
// each reader leaves out the fields that it does not know.

import type { ImageId, TransferId } from './ids.ts';
import type { Image } from './image.ts';
import type { Manifest } from './transfer.ts';

/** A thing and its digest; the digest of a base is that of the disk that was added as the base. */
interface Descriptor {
  name: string;
  digest: { sha256: string };
}

interface Statement {
  _type: 'https://in-toto.io/Statement/v1';
  subject: Descriptor[];
  predicateType: 'https://slsa.dev/provenance/v1';
  predicate: object;
}

interface Export {
  /** The name of the exported file. */
  file: string;
  imageId: ImageId;
  source: Image['source'];
  transferId: TransferId;
  /** The id of the key that signs it. */
  signerId: string;
}

const sha256 = (digest: string) => ({ sha256: digest.replace(/^sha256:/, '') });

/** The manifest of an exported file with its provenance. */
export function withProvenance(
  manifest: Manifest,
  { file, imageId, source, transferId, signerId }: Export,
): Manifest & Statement {
  const { base, software, createdAt, name } = manifest;
  const dependencies: Descriptor[] = [
    ...(base ? [{ name: base.name, digest: sha256(base.key) }] : []),
    ...software.map((one) => ({ name: one.name, digest: sha256(one.recipeDigest) })),
  ];
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: file, digest: sha256(manifest.sha256) }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'urn:silversmith:image-export:1',
        externalParameters: { image: { id: imageId, name, source } },
        resolvedDependencies: dependencies,
      },
      runDetails: {
        builder: { id: `urn:silversmith:installation:${signerId}` },
        metadata: { invocationId: transferId, finishedOn: createdAt },
      },
    },
    ...manifest,
  };
}
