// Events: marks at their times, as high as they are strong, with a number beside them where there is room.

import type { EventTile } from "../codec";
import { formatTime, formatValue } from "../format";
import type { Theme } from "../theme";
import type { TileSource } from "./extremes";
import type { Layer } from "./layer";
import { eventTiles } from "./pyramid";
import type { Area } from "./view";

/** Between marks, before they get numbers. */
const LABEL_PX = 34;
/** Between marks, before they go through the other drawings as well. */
const GUIDE_PX = 14;
const LEAST_SHARE = 0.12;

export interface Event {
  /** Timeline time. */
  time_s: number;
  /** Place in the list, from 0. */
  number: number;
  /** All fields but the time. */
  values: number[];
}

function eventAt(layer: Layer, tile: EventTile, k: number): Event {
  const row = tile.data.subarray(k * tile.fields, (k + 1) * tile.fields);
  return { time_s: layer.start_s + row[0], number: tile.start + k, values: Array.from(row.subarray(1)) };
}

/** Calls back for every event at hand in a span, in order. */
function eachEvent(
  layer: Layer,
  t0_s: number,
  t1_s: number,
  get: TileSource,
  visit: (tile: EventTile, k: number, time_s: number) => void,
): void {
  for (const address of eventTiles(layer, t0_s, t1_s)) {
    const tile = get(address);
    if (tile?.dtype !== "float64") continue;
    for (let k = firstFrom(tile, t0_s - layer.start_s); k < tile.buckets; k++) {
      const time_s = layer.start_s + tile.data[k * tile.fields];
      if (time_s > t1_s) return;
      visit(tile, k, time_s);
    }
  }
}

/** The first event of a tile that is not before a time of the recording. */
function firstFrom(tile: EventTile, time_s: number): number {
  let low = 0;
  let high = tile.buckets;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tile.data[middle * tile.fields] < time_s) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function nearestEvent(layer: Layer, time_s: number, get: TileSource): Event | null {
  let best: Event | null = null;
  for (const address of eventTiles(layer, time_s, time_s)) {
    const tile = get(address);
    if (tile?.dtype !== "float64") continue;
    const after = firstFrom(tile, time_s - layer.start_s);
    for (const k of [after - 1, after]) {
      if (k < 0 || k >= tile.buckets) continue;
      const event = eventAt(layer, tile, k);
      if (!best || Math.abs(event.time_s - time_s) < Math.abs(best.time_s - time_s)) best = event;
    }
  }
  return best;
}

export function eventWords(layer: Layer, event: Event | null): string {
  if (!event) return "";
  const parts = [`nearest #${event.number + 1} at ${formatTime(event.time_s)}`];
  event.values.slice(0, 4).forEach((value, k) => {
    parts.push(`${layer.channels[k + 1] || `value ${k + 1}`} ${formatValue(value, layer.unit)}`);
  });
  return parts.join(" · ");
}

/** The strongest event behind each column of pixels: share of the height, or -1 where there is none. */
export function eventColumns(layer: Layer, area: Area, get: TileSource): Float32Array {
  const columns = new Float32Array(area.width).fill(-1);
  const scale = area.width / (area.t1_s - area.t0_s);
  eachEvent(layer, area.t0_s, area.t1_s, get, (tile, k, time_s) => {
    const column = Math.min(area.width - 1, Math.floor((time_s - area.t0_s) * scale));
    const strength = tile.fields > 1 ? tile.data[k * tile.fields + 1] / layer.value_max : 1;
    const share = Number.isFinite(strength) ? Math.min(Math.max(strength, LEAST_SHARE), 1) : 1;
    if (share > columns[column]) columns[column] = share;
  });
  return columns;
}

/** Times that are far enough apart on the screen to guide the eye through other drawings. */
export function guideTimes(layer: Layer, t0_s: number, t1_s: number, width_px: number, get: TileSource): number[] {
  const times: number[] = [];
  const most = width_px / GUIDE_PX;
  eachEvent(layer, t0_s, t1_s, get, (_tile, _k, time_s) => {
    if (times.length <= most) times.push(time_s);
  });
  return times.length <= most ? times : [];
}

export function drawEvents(
  ctx: CanvasRenderingContext2D,
  area: Area,
  layer: Layer,
  get: TileSource,
  theme: Theme,
  colour: string,
  ratio: number,
): void {
  const columns = eventColumns(layer, area, get);
  const line = Math.max(1, Math.round(1.5 * ratio));
  const bottom = area.y + area.height;
  ctx.fillStyle = colour;
  for (let column = 0; column < columns.length; column++) {
    if (columns[column] < 0) continue;
    const height = Math.round(columns[column] * (area.height - 14 * ratio));
    ctx.fillRect(area.x + column - (line >> 1), bottom - height, line, height);
  }
  labelEvents(ctx, area, layer, get, theme, ratio, columns);
}

function labelEvents(
  ctx: CanvasRenderingContext2D,
  area: Area,
  layer: Layer,
  get: TileSource,
  theme: Theme,
  ratio: number,
  columns: Float32Array,
): void {
  const scale = area.width / (area.t1_s - area.t0_s);
  ctx.font = `${10 * ratio}px ${theme.font}`;
  ctx.fillStyle = theme.colours.muted;
  ctx.textAlign = "center";
  ctx.textBaseline = "bottom";
  let last_px = Number.NEGATIVE_INFINITY;
  eachEvent(layer, area.t0_s, area.t1_s, get, (tile, k, time_s) => {
    const x = (time_s - area.t0_s) * scale;
    if (x - last_px < LABEL_PX * ratio) return;
    last_px = x;
    const share = columns[Math.min(area.width - 1, Math.floor(x))];
    const top = area.y + area.height - share * (area.height - 14 * ratio);
    ctx.fillText(String(tile.start + k + 1), area.x + x, top - ratio);
  });
}
