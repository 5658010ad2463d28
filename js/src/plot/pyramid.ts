// Which level and which tiles of a layer show a span of time.

import { clamp } from "../guards";
import type { TileAddress } from "../messages";
import type { Layer } from "./layer";

/** A tile and the part of the time axis it is to be drawn on. */
export interface Segment extends TileAddress {
  t0_s: number;
  t1_s: number;
}

export function bucketSeconds(layer: Layer, level: number): number {
  return layer.hop_s * layer.factor ** level;
}

export function bucketsAt(layer: Layer, level: number): number {
  return Math.ceil(layer.buckets / layer.factor ** level);
}

export function tilesAt(layer: Layer, level: number): number {
  return Math.ceil(bucketsAt(layer, level) / layer.tile_buckets);
}

/** Start of a bucket; the end of the last one is the end of the layer. */
export function edge_s(layer: Layer, level: number, bucket: number): number {
  return layer.start_s + Math.min(bucket * layer.factor ** level, layer.buckets) * layer.hop_s;
}

/** The bucket at a time, or -1 outside. */
export function bucketAt(layer: Layer, level: number, time_s: number): number {
  const bucket = Math.floor((time_s - layer.start_s) / layer.hop_s);
  if (!(bucket >= 0 && bucket < layer.buckets)) return -1;
  return Math.floor(bucket / layer.factor ** level);
}

/**
 * The level to draw at so many seconds per pixel: the coarsest whose buckets are not wider than a pixel,
 * or up to `factor ** slack` pixels where a little blur is worth fewer tiles.
 */
export function levelFor(layer: Layer, seconds_per_pixel: number, slack = 0): number {
  const level = Math.log(seconds_per_pixel / layer.hop_s) / Math.log(layer.factor) + slack;
  // The tolerance keeps a span that fits a level exactly from falling to the next by rounding.
  return Number.isFinite(level) ? clamp(Math.floor(level + 1e-9), 0, layer.levels - 1) : 0;
}

/** First and last tile that touch a span, or null if none does. */
export function visibleTiles(layer: Layer, level: number, t0_s: number, t1_s: number): [number, number] | null {
  const count = tilesAt(layer, level);
  const tile_s = bucketSeconds(layer, level) * layer.tile_buckets;
  const first = Math.max(0, Math.floor((t0_s - layer.start_s) / tile_s));
  const last = Math.min(count - 1, Math.ceil((t1_s - layer.start_s) / tile_s) - 1);
  return first <= last ? [first, last] : null;
}

export function address(layer: Layer, level: number, index: number): TileAddress {
  return { layer: layer.name, revision: layer.revision, level, index };
}

export function tileSpan_s(layer: Layer, level: number, index: number): [number, number] {
  const first = index * layer.tile_buckets;
  return [edge_s(layer, level, first), edge_s(layer, level, first + layer.tile_buckets)];
}

/**
 * Covers a span with tiles that are at hand: those of the level, else all tiles of the next finer one,
 * else the nearest coarser one. Where nothing is at hand there is a gap.
 */
export function cover(
  layer: Layer,
  level: number,
  t0_s: number,
  t1_s: number,
  has: (address: TileAddress) => boolean,
): Segment[] {
  const range = visibleTiles(layer, level, t0_s, t1_s);
  const segments: Segment[] = [];
  if (!range) return segments;
  for (let index = range[0]; index <= range[1]; index++) {
    const [start_s, end_s] = tileSpan_s(layer, level, index);
    for (const found of substitutes(layer, level, index, has)) {
      const [a_s, b_s] = tileSpan_s(layer, found.level, found.index);
      const clipped = { ...found, t0_s: Math.max(start_s, a_s), t1_s: Math.min(end_s, b_s) };
      const previous = segments.at(-1);
      if (previous && previous.level === found.level && previous.index === found.index) previous.t1_s = clipped.t1_s;
      else segments.push(clipped);
    }
  }
  return segments;
}

function substitutes(
  layer: Layer,
  level: number,
  index: number,
  has: (address: TileAddress) => boolean,
): TileAddress[] {
  const own = address(layer, level, index);
  if (has(own)) return [own];
  if (level > 0) {
    const finer = tilesAt(layer, level - 1);
    const children: TileAddress[] = [];
    for (let i = index * layer.factor; i < Math.min((index + 1) * layer.factor, finer); i++) {
      children.push(address(layer, level - 1, i));
    }
    if (children.length > 0 && children.every(has)) return children;
  }
  let ancestor = index;
  for (let coarser = level + 1; coarser < layer.levels; coarser++) {
    ancestor = Math.floor(ancestor / layer.factor);
    const candidate = address(layer, coarser, ancestor);
    if (has(candidate)) return [candidate];
  }
  return [];
}

/**
 * The tiles to ask for, most wanted first: the coarsest picture of everything, then what is visible from the
 * middle outwards, then one more in the direction of travel.
 */
export function wanted(layer: Layer, level: number, t0_s: number, t1_s: number, direction: number): TileAddress[] {
  if (layer.buckets === 0) return [];
  if (layer.kind === "events") return eventTiles(layer, t0_s, t1_s);
  const top = layer.levels - 1;
  const wants: TileAddress[] = [];
  const overview = tilesAt(layer, top);
  // Normally one or two tiles; a pyramid that ends early must not fetch the whole file.
  if (overview <= 4) for (let index = 0; index < overview; index++) wants.push(address(layer, top, index));
  const range = visibleTiles(layer, level, t0_s, t1_s);
  if (!range) return wants;
  const middle = (range[0] + range[1]) / 2;
  const visible: number[] = [];
  for (let index = range[0]; index <= range[1]; index++) visible.push(index);
  visible.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle) || a - b);
  const ahead = direction > 0 ? range[1] + 1 : direction < 0 ? range[0] - 1 : -1;
  if (ahead >= 0 && ahead < tilesAt(layer, level)) visible.push(ahead);
  for (const index of visible) {
    if (level !== top || overview > 4) wants.push(address(layer, level, index));
  }
  return wants;
}

/** The tiles of a list of events that a span may touch, and one before it, whose last event may be the nearest. */
export function eventTiles(layer: Layer, t0_s: number, t1_s: number): TileAddress[] {
  const count = tilesAt(layer, 0);
  const times = (index: number) => layer.start_s + (layer.edges[index] ?? 0);
  const tiles: TileAddress[] = [];
  for (let index = 0; index < count; index++) {
    const follows = index + 1 < count ? times(index + 1) : Number.POSITIVE_INFINITY;
    if (times(index) <= t1_s && follows >= t0_s) tiles.push(address(layer, 0, index));
  }
  return tiles;
}
