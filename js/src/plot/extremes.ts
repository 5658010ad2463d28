// Minimum and maximum per column of pixels, or per bucket where buckets are wide.

import type { RangeTile, Tile } from "../codec";
import type { TileAddress } from "../messages";
import type { Layer } from "./layer";
import { bucketSeconds, type Segment } from "./pyramid";

export type TileSource = (address: TileAddress) => Tile | undefined;

export interface Columns {
  /** NaN where there is nothing. */
  low: Float32Array;
  high: Float32Array;
}

function rangeTile(tile: Tile | undefined, channel: number): RangeTile | null {
  return tile?.dtype === "float32" && channel < tile.channels ? tile : null;
}

/** Extremes of one channel behind each of `width` columns between two times. */
export function columns(
  layer: Layer,
  segments: readonly Segment[],
  get: TileSource,
  channel: number,
  t0_s: number,
  t1_s: number,
  width: number,
): Columns {
  const low = new Float32Array(width).fill(Number.NaN);
  const high = new Float32Array(width).fill(Number.NaN);
  const perSecond = width / (t1_s - t0_s);
  for (const segment of segments) {
    const tile = rangeTile(get(segment), channel);
    if (!tile) continue;
    const bucket_s = bucketSeconds(layer, segment.level);
    const from_s = Math.max(segment.t0_s, t0_s);
    const to_s = Math.min(segment.t1_s, t1_s);
    const origin_s = layer.start_s + tile.start * bucket_s;
    const first = Math.max(0, Math.floor((from_s - origin_s) / bucket_s + 1e-6));
    const last = Math.min(tile.buckets - 1, Math.ceil((to_s - origin_s) / bucket_s - 1e-6) - 1);
    const leftmost = Math.max(0, Math.floor((from_s - t0_s) * perSecond + 1e-6));
    const rightmost = Math.min(width - 1, Math.ceil((to_s - t0_s) * perSecond - 1e-6) - 1);
    for (let bucket = first; bucket <= last; bucket++) {
      const at = (bucket * tile.channels + channel) * 2;
      const a = tile.data[at];
      const b = tile.data[at + 1];
      if (!(a <= b)) continue;
      const x = (origin_s + bucket * bucket_s - t0_s) * perSecond;
      const x0 = Math.max(leftmost, Math.floor(x + 1e-6));
      const x1 = Math.min(rightmost, Math.max(Math.floor(x + 1e-6), Math.ceil(x + bucket_s * perSecond - 1e-6) - 1));
      for (let column = x0; column <= x1; column++) {
        if (!(a >= low[column])) low[column] = a;
        if (!(b <= high[column])) high[column] = b;
      }
    }
  }
  return { low, high };
}

export interface Points {
  /** Centres of the buckets. */
  time_s: Float64Array;
  low: Float32Array;
  high: Float32Array;
}

/** The buckets of one channel one by one, with one more on either side so that lines reach the edges. */
export function points(
  layer: Layer,
  segments: readonly Segment[],
  get: TileSource,
  channel: number,
  t0_s: number,
  t1_s: number,
): Points {
  const time_s: number[] = [];
  const low: number[] = [];
  const high: number[] = [];
  for (const segment of segments) {
    const tile = rangeTile(get(segment), channel);
    if (!tile) continue;
    const bucket_s = bucketSeconds(layer, segment.level);
    const origin_s = layer.start_s + tile.start * bucket_s;
    const first = Math.max(0, Math.floor((Math.max(segment.t0_s, t0_s) - origin_s) / bucket_s) - 1);
    const last = Math.min(tile.buckets - 1, Math.ceil((Math.min(segment.t1_s, t1_s) - origin_s) / bucket_s));
    for (let bucket = first; bucket <= last; bucket++) {
      const centre_s = origin_s + (bucket + 0.5) * bucket_s;
      // Neighbouring segments may both hold the bucket at their border.
      if (time_s.length > 0 && centre_s <= time_s[time_s.length - 1]) continue;
      const at = (bucket * tile.channels + channel) * 2;
      time_s.push(centre_s);
      low.push(tile.data[at]);
      high.push(tile.data[at + 1]);
    }
  }
  return { time_s: Float64Array.from(time_s), low: Float32Array.from(low), high: Float32Array.from(high) };
}
