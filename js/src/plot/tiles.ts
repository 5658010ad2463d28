// Tiles of all layers of a model: asked for when wanted, kept while useful. Shared by the views of the model.

import type { Tile } from "../codec";
import type { Hub } from "../hub";
import { Lru } from "../lru";
import { type Reply, type TileAddress, tileRequest } from "../messages";
import { onAbort, Timer } from "../scope";
import type { Layer } from "./layer";

export const IN_FLIGHT = 4;
const IMAGE_TILES = 64;
const RANGE_TILES = 256;
const OLDER_TILES = 96;
const TIMEOUT_MS = 20_000;
const RETRY_MS = 1_000;
const RETRY_MOST_MS = 60_000;

interface Flight {
  id: number;
  layer: string;
  deadline_ms: number;
}

function keyOf({ layer, revision, level, index }: TileAddress): string {
  return `${revision}/${level}/${index}/${layer}`;
}

/** The same tile, of whichever revision. */
function placeOf({ layer, level, index }: TileAddress): string {
  return `${level}/${index}/${layer}`;
}

/** Whether tiles of one may stand in for those of the other. */
function isAlike(a: Layer | undefined, b: Layer): boolean {
  const same = ["kind", "buckets", "factor", "levels", "tile_buckets", "rows", "hop_s", "start_s"] as const;
  if (!a || !same.every((name) => a[name] === b[name])) return false;
  return b.kind !== "image" || (a.value_min === b.value_min && a.value_max === b.value_max);
}

export class TileStore {
  readonly #images = new Lru<Tile>(IMAGE_TILES);
  readonly #ranges = new Lru<Tile>(RANGE_TILES);
  /** Of the revision before: better than nothing until those of the present one are there. */
  readonly #older = new Lru<Tile>(OLDER_TILES);
  #layers = new Map<string, Layer>();
  readonly #wants = new Map<object, readonly TileAddress[]>();
  readonly #flights = new Map<string, Flight>();
  /** What failed may be asked for again, later and later. */
  readonly #failures = new Map<string, { count: number; until_ms: number }>();
  readonly #errors = new Map<string, string>();
  readonly #listeners = new Set<(layer: string) => void>();
  readonly #wake: Timer;

  constructor(
    readonly hub: Hub,
    signal: AbortSignal,
  ) {
    this.#wake = new Timer(() => this.#expire(), signal);
    hub.onTile((tile) => this.#receive(tile), signal);
    hub.onReply((reply) => this.#reply(reply), signal);
  }

  get inFlight(): number {
    return this.#flights.size;
  }

  /** Why the last tile of a layer did not come; empty if nothing is wrong. */
  error(layer: string): string {
    return this.#errors.get(layer) ?? "";
  }

  onChange(listener: (layer: string) => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    onAbort(signal, () => this.#listeners.delete(listener));
  }

  /** Takes note of the layers; tiles of other revisions or shapes are dropped. */
  setLayers(layers: readonly Layer[]): void {
    const previous = this.#layers;
    this.#layers = new Map(layers.map((layer) => [layer.name, layer]));
    const isUseful = (name: string) => {
      const layer = this.#layers.get(name);
      return layer !== undefined && isAlike(previous.get(name), layer);
    };
    this.#older.deleteWhere((tile) => !isUseful(tile.layer));
    for (const cache of [this.#images, this.#ranges]) {
      cache.deleteWhere((tile) => {
        if (this.#fits(tile)) return false;
        if (isUseful(tile.layer)) this.#older.set(placeOf(tile), tile);
        return true;
      });
    }
    for (const [name, layer] of this.#layers) {
      if (previous.get(name)?.revision === layer.revision) continue;
      this.#errors.delete(name);
    }
    const current = new Set(layers.map((layer) => `${layer.revision}\n${layer.name}`));
    for (const key of [...this.#failures.keys()]) {
      const [revision, , , ...name] = key.split("/");
      if (!current.has(`${revision}\n${name.join("/")}`)) this.#failures.delete(key);
    }
  }

  has = (address: TileAddress): boolean => this.#images.has(keyOf(address)) || this.#ranges.has(keyOf(address));

  /** Whether there is something to draw there, be it of the revision before. */
  shows = (address: TileAddress): boolean => this.has(address) || this.#older.has(placeOf(address));

  get = (address: TileAddress): Tile | undefined => {
    const key = keyOf(address);
    return this.#images.get(key) ?? this.#ranges.get(key) ?? this.#older.get(placeOf(address));
  };

  /** Replaces what a view wants, most wanted first: what it no longer wants is not asked for any more. */
  want(view: object, wants: readonly TileAddress[]): void {
    this.#wants.set(view, wants);
    let images = 0;
    let ranges = 0;
    for (const list of this.#wants.values()) {
      for (const { layer } of list) {
        if (this.#layers.get(layer)?.kind === "image") images++;
        else ranges++;
      }
    }
    // On a very wide screen more may be visible than is usually kept.
    this.#images.limit = Math.max(IMAGE_TILES, images + 8);
    this.#ranges.limit = Math.max(RANGE_TILES, ranges + 8);
    this.#pump();
  }

  forget(view: object): void {
    this.#wants.delete(view);
  }

  #fits(tile: Tile): boolean {
    const layer = this.#layers.get(tile.layer);
    if (!layer || tile.revision !== layer.revision || tile.level >= layer.levels) return false;
    if (tile.start !== tile.index * layer.tile_buckets || tile.buckets > layer.tile_buckets) return false;
    if (tile.dtype === "uint8") return layer.kind === "image" && tile.rows === layer.rows;
    return tile.dtype === (layer.kind === "events" ? "float64" : "float32") && layer.kind !== "image";
  }

  #receive(tile: Tile): void {
    const key = keyOf(tile);
    // Usually the very tile; the kernel may also answer with the layer's next revision.
    if (!this.#flights.delete(key)) this.#land(tile.id, tile.layer);
    if (this.#fits(tile)) {
      (tile.dtype === "uint8" ? this.#images : this.#ranges).set(key, tile);
      this.#older.delete(placeOf(tile));
      this.#failures.delete(key);
      this.#errors.delete(tile.layer);
      this.#notify(tile.layer);
    } else if (tile.revision === this.#layers.get(tile.layer)?.revision) {
      // Right revision, wrong shape: the other side is confused, and asking again at once would not help it.
      this.hub.malformed++;
      this.#fail(key, tile.layer, "The kernel sent a tile of another shape.");
    }
    this.#pump();
  }

  #land(id: number, layer?: string): string | null {
    for (const [key, flight] of this.#flights) {
      if (flight.id !== id || (layer !== undefined && flight.layer !== layer)) continue;
      this.#flights.delete(key);
      return key;
    }
    return null;
  }

  #reply({ kind, id, message }: Reply): void {
    const layer = [...this.#flights.values()].find((flight) => flight.id === id)?.layer;
    const key = this.#land(id);
    if (key === null || layer === undefined) return;
    if (kind === "refused") this.#fail(key, layer, message || "The kernel refused the request.");
    this.#pump();
  }

  #fail(key: string, layer: string, message: string): void {
    const count = (this.#failures.get(key)?.count ?? 0) + 1;
    const delay_ms = Math.min(RETRY_MOST_MS, RETRY_MS * 2 ** (count - 1));
    this.#failures.set(key, { count, until_ms: performance.now() + delay_ms });
    this.#errors.set(layer, message);
    this.#notify(layer);
  }

  #expire(): void {
    const now_ms = performance.now();
    for (const [key, flight] of [...this.#flights]) {
      if (flight.deadline_ms > now_ms) continue;
      this.#flights.delete(key);
      this.#fail(key, flight.layer, "No answer from the kernel yet.");
    }
    this.#pump();
  }

  #pump(): void {
    const now_ms = performance.now();
    let retry_ms = Number.POSITIVE_INFINITY;
    // Round robin over the views, so that none starves.
    const queues = [...this.#wants.values()];
    const longest = Math.max(0, ...queues.map((queue) => queue.length));
    for (let k = 0; k < longest && this.#flights.size < IN_FLIGHT; k++) {
      for (const queue of queues) {
        const address = queue[k];
        if (!address || this.#flights.size >= IN_FLIGHT) continue;
        const key = keyOf(address);
        if (this.#flights.has(key) || this.has(address)) continue;
        if (address.revision !== this.#layers.get(address.layer)?.revision) continue;
        const until_ms = this.#failures.get(key)?.until_ms ?? 0;
        if (until_ms > now_ms) {
          retry_ms = Math.min(retry_ms, until_ms);
          continue;
        }
        const id = this.hub.nextId();
        this.#flights.set(key, { id, layer: address.layer, deadline_ms: now_ms + TIMEOUT_MS });
        if (this.hub.post(tileRequest(id, address))) continue;
        this.#flights.delete(key);
        this.#fail(key, address.layer, "The kernel is not connected.");
        retry_ms = Math.min(retry_ms, this.#failures.get(key)?.until_ms ?? retry_ms);
      }
    }
    for (const flight of this.#flights.values()) retry_ms = Math.min(retry_ms, flight.deadline_ms);
    if (Number.isFinite(retry_ms)) this.#wake.set(Math.max(0, retry_ms - now_ms) + 5);
    else this.#wake.clear();
  }

  #notify(layer: string): void {
    for (const listener of [...this.#listeners]) listener(layer);
  }
}
