// Draws extremes: as columns of pixels, or as lines once single buckets can be seen.

import { clamp } from "../guards";
import { columns, points, type TileSource } from "./extremes";
import type { Layer } from "./layer";
import { bucketSeconds, type Segment } from "./pyramid";
import type { Area } from "./view";

/** Device pixels per bucket from which buckets are drawn one by one. */
const LINE_PX = 3;
/** From which on every value is a dot. */
const DOT_PX = 9;

/** A waveform may be as thin as a pixel; a curve keeps the weight of a line. */
export type Style = "wave" | "curve";

/** Vertical place of a value; a little outside the area at most, so that paths stay small. */
function scaler(layer: Pick<Layer, "value_min" | "value_max">, area: Area): (value: number) => number {
  const scale = area.height / (layer.value_max - layer.value_min);
  const bottom = area.y + area.height;
  return (value) => clamp(bottom - (value - layer.value_min) * scale, area.y - 4, bottom + 4);
}

export function drawRanges(
  ctx: CanvasRenderingContext2D,
  area: Area,
  layer: Layer,
  channel: number,
  segments: readonly Segment[],
  get: TileSource,
  colour: string,
  ratio: number,
  style: Style,
): void {
  const bucket_px = (bucketSeconds(layer, 0) / (area.t1_s - area.t0_s)) * area.width;
  const wide = bucket_px >= LINE_PX && segments.every((segment) => segment.level === 0);
  ctx.fillStyle = colour;
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.25 * ratio;
  ctx.lineJoin = "round";
  if (wide) drawLines(ctx, area, layer, channel, segments, get, ratio);
  else fillColumns(ctx, area, layer, channel, segments, get, style === "wave" ? 1 : Math.round(1.5 * ratio));
}

/**
 * One rectangle per column: as exact as a stroke where there are more buckets than pixels, and far cheaper.
 *
 * @param least height of what has no extent, device pixels
 */
function fillColumns(
  ctx: CanvasRenderingContext2D,
  area: Area,
  layer: Layer,
  channel: number,
  segments: readonly Segment[],
  get: TileSource,
  least: number,
): void {
  const { low, high } = columns(layer, segments, get, channel, area.t0_s, area.t1_s, area.width);
  const y = scaler(layer, area);
  for (let x = 0; x < area.width; x++) {
    if (Number.isNaN(low[x])) continue;
    let a = low[x];
    let b = high[x];
    // Reaching over to the previous column keeps steep slopes in one piece.
    if (x > 0 && low[x - 1] > b) b = low[x - 1];
    if (x > 0 && high[x - 1] < a) a = high[x - 1];
    const top = Math.round(y(b));
    const height = Math.round(y(a)) - top;
    const grow = Math.max(0, least - height);
    ctx.fillRect(area.x + x, top - (grow >> 1), 1, height + grow);
  }
}

/** A line through the buckets; where a bucket holds a range, the band between its extremes. */
function drawLines(
  ctx: CanvasRenderingContext2D,
  area: Area,
  layer: Layer,
  channel: number,
  segments: readonly Segment[],
  get: TileSource,
  ratio: number,
): void {
  const { time_s, low, high } = points(layer, segments, get, channel, area.t0_s, area.t1_s);
  const y = scaler(layer, area);
  const scale = area.width / (area.t1_s - area.t0_s);
  const x = (k: number) => area.x + (time_s[k] - area.t0_s) * scale;
  const bucket_s = bucketSeconds(layer, 0);
  for (let start = 0; start < time_s.length; start++) {
    let end = start;
    while (end < time_s.length && !Number.isNaN(low[end]) && !(end > start && isGap(time_s, end, bucket_s))) end++;
    if (end === start) continue;
    ctx.beginPath();
    for (let k = start; k < end; k++) ctx.lineTo(x(k), y(high[k]));
    ctx.stroke();
    let band = false;
    for (let k = start; k < end && !band; k++) band = high[k] > low[k];
    if (band) {
      for (let k = end - 1; k >= start; k--) ctx.lineTo(x(k), y(low[k]));
      const alpha = ctx.globalAlpha;
      ctx.globalAlpha = 0.3 * alpha;
      ctx.fill();
      ctx.globalAlpha = alpha;
      ctx.beginPath();
      for (let k = start; k < end; k++) ctx.lineTo(x(k), y(low[k]));
      ctx.stroke();
    }
    if ((x(start + 1) - x(start) >= DOT_PX * ratio && !band) || end - start === 1) {
      for (let k = start; k < end; k++) {
        ctx.beginPath();
        ctx.arc(x(k), y(high[k]), 2.25 * ratio, 0, 2 * Math.PI);
        ctx.fill();
      }
    }
    start = end - 1;
  }
}

function isGap(time_s: Float64Array, k: number, bucket_s: number): boolean {
  return time_s[k] - time_s[k - 1] > 1.5 * bucket_s;
}
