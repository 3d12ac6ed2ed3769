// Remembers where some rows stand in long lists, so that a page in the middle is found from a row
// near it. Places are counted from the oldest row, so new rows do not change them. They hold for as
// long as no row goes out of the list or comes back.

interface Place {
  /** The number of older rows in the list. */
  rank: number;
  id: number;
}

interface Places {
  /** How often rows went out of the list, or came back, before these were found. */
  changes: number;
  /** In the order of their ranks. */
  known: Place[];
}

const listsMax = 1000;
const placesMax = 1000;
/** A place so near to a known one is not worth remembering. */
const nearRows = 1000;

/** One list in the memory of all lists. */
export interface PlacesOfList {
  list: string;
  places: ListPlaces;
  /** Asks the store how often rows went out of the list or came back. */
  changes: () => Promise<number>;
}

export class ListPlaces {
  readonly #lists = new Map<string, Places>();

  /** The known row that stands nearest below a rank. */
  below(list: string, changes: number, rank: number): Place | undefined {
    const places = this.#lists.get(list);
    if (places?.changes !== changes) return undefined;
    return places.known.findLast((place) => place.rank <= rank);
  }

  remember(list: string, changes: number, place: Place): void {
    const near = this.below(list, changes, place.rank);
    if (near !== undefined && place.rank - near.rank < nearRows) return;
    let places = this.#lists.get(list);
    if (places?.changes !== changes) {
      if (this.#lists.size >= listsMax) this.#lists.clear();
      places = { changes, known: [] };
      this.#lists.set(list, places);
    }
    if (places.known.length >= placesMax) places.known = [];
    places.known = [...places.known, place].sort((one, other) => one.rank - other.rank);
  }
}
