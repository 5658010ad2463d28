// Draws image tiles through the colour map, squeezed to the height of the pane.

import type { ImageTile } from "../codec";
import { type Look, lookKey, PLAIN, pixelsOf } from "./colormap";
import type { TileSource } from "./extremes";
import { type Layer, layerEnd_s } from "./layer";
import { bucketSeconds, type Segment } from "./pyramid";
import { rowRanges, type VerticalAxis } from "./vertical";
import type { Area } from "./view";

/** Time for colouring tiles in one frame; what is left over comes with the next. */
const BUDGET_MS = 7;

/** Colours a tile: one pixel per bucket, and per line the loudest of the rows behind it. */
export function colourTile(tile: ImageTile, ranges: Int32Array, pixels: Uint32Array, colours: Uint32Array): void {
  const { data, rows, buckets } = tile;
  const height = ranges.length / 2;
  for (let y = 0; y < height; y++) {
    const first = ranges[2 * y];
    const last = ranges[2 * y + 1];
    const line = y * buckets;
    for (let bucket = 0, at = first; bucket < buckets; bucket++, at += rows) {
      let value = data[at];
      for (let row = 1; row <= last - first; row++) if (data[at + row] > value) value = data[at + row];
      pixels[line + bucket] = colours[value];
    }
  }
}

interface Picture {
  key: string;
  canvas: HTMLCanvasElement;
}

export class ImagePainter {
  // Goes away with the tile.
  readonly #pictures = new WeakMap<ImageTile, Picture>();
  #ranges: Int32Array = new Int32Array(0);
  #colours = pixelsOf(PLAIN);
  #key = "";

  /**
   * Colours the visible tiles, as far as the time of one frame allows.
   *
   * @returns whether everything is coloured
   */
  prepare(layer: Layer, axis: VerticalAxis, look: Look, height_px: number, tiles: Iterable<ImageTile>): boolean {
    const { low, high, scale } = axis;
    const key = `${height_px} ${low} ${high} ${scale} ${layer.rows} ${lookKey(look)}`;
    if (key !== this.#key) {
      this.#key = key;
      this.#colours = pixelsOf(look);
      this.#ranges = rowRanges(layer, axis, height_px);
    }
    const deadline_ms = performance.now() + BUDGET_MS;
    for (const tile of tiles) {
      if (this.isReady(tile)) continue;
      if (performance.now() > deadline_ms) return false;
      this.#colour(tile, height_px);
    }
    return true;
  }

  isReady(tile: ImageTile): boolean {
    return this.#pictures.get(tile)?.key === this.#key;
  }

  draw(ctx: CanvasRenderingContext2D, area: Area, layer: Layer, segments: readonly Segment[], get: TileSource): void {
    const scale = area.width / (area.t1_s - area.t0_s);
    for (const segment of segments) {
      const tile = get(segment);
      const picture = tile?.dtype === "uint8" ? this.#pictures.get(tile) : undefined;
      if (tile?.dtype !== "uint8" || !picture) continue;
      const bucket_s = bucketSeconds(layer, segment.level);
      const origin_s = layer.start_s + tile.start * bucket_s;
      const from_s = Math.max(segment.t0_s, area.t0_s);
      const to_s = Math.min(segment.t1_s, area.t1_s);
      // Whole buckets and whole pixels: no seams between tiles.
      const first = Math.max(0, Math.floor((from_s - origin_s) / bucket_s + 1e-6));
      const last = Math.min(tile.buckets, Math.ceil((to_s - origin_s) / bucket_s - 1e-6));
      const x0 = Math.round(area.x + (origin_s + first * bucket_s - area.t0_s) * scale);
      // The last bucket of a coarse level may reach beyond the end of the data.
      const end_s = Math.min(origin_s + last * bucket_s, layerEnd_s(layer));
      const x1 = Math.round(area.x + (end_s - area.t0_s) * scale);
      if (last <= first || x1 <= x0) continue;
      // Zoomed in, buckets are to be seen as what they are; zoomed out or as a stand-in, they blend.
      ctx.imageSmoothingEnabled = segment.level > 0 || bucket_s * scale < 2;
      ctx.drawImage(picture.canvas, first, 0, last - first, area.height, x0, area.y, x1 - x0, area.height);
    }
  }

  #colour(tile: ImageTile, height_px: number): void {
    const canvas = this.#pictures.get(tile)?.canvas ?? document.createElement("canvas");
    canvas.width = tile.buckets;
    canvas.height = height_px;
    const ctx = canvas.getContext("2d");
    if (!ctx) return;
    const image = ctx.createImageData(tile.buckets, height_px);
    colourTile(tile, this.#ranges, new Uint32Array(image.data.buffer), this.#colours);
    ctx.putImageData(image, 0, 0);
    this.#pictures.set(tile, { key: this.#key, canvas });
  }
}
