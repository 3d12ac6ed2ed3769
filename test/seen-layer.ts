// A layer as tests look at it: with the facts of its only copy, and the state that operators see.

import { type Layer, shownStateOf } from '../src/domain/layer.ts';

export const seenLayer = (layer: Layer) => ({
  ...layer,
  digest: layer.copies[0]?.digest ?? null,
  verifiedAt: layer.copies[0]?.verifiedAt ?? null,
  fault: layer.copies[0]?.fault ?? null,
  storedBytes: layer.copies[0]?.storedBytes ?? null,
  state: shownStateOf(layer),
});
