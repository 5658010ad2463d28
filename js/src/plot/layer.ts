// One layer of a plot, as the `layers` trait describes it.

import { clamp, finite, isRecord, list, num, text, whole } from "../guards";

export type LayerKind = "minmax" | "image" | "curve" | "events" | "text";
export type LayerState = "missing" | "queued" | "running" | "fresh" | "stale" | "failed";

export interface Layer {
  name: string;
  kind: LayerKind;
  label: string;
  unit: string;
  state: LayerState;
  reason: string;
  revision: number;
  channels: string[];
  /** Lowest and highest value of each channel's axis, where they differ much. */
  ranges: (readonly [number, number])[];
  /** Unit of each channel, where they are different things; empty if all have the layer's. */
  units: string[];
  /** Left edge of bucket 0 in timeline time, whatever the alignment is; of events, what their times count from. */
  start_s: number;
  hop_s: number;
  /** Buckets at level 0, or events; zero means that there is nothing to draw. */
  buckets: number;
  factor: number;
  levels: number;
  tile_buckets: number;
  rows: number;
  /** Bins of the feature behind one row. */
  row_bins: number;
  value_min: number;
  value_max: number;
  y_min: number;
  y_max: number;
  y_unit: string;
  /** What each row stands for, where that is no even scale; rising. */
  y_values: number[];
  y_names: string[];
  /** Times of the first event of each tile. */
  edges: number[];
  /** What is to be read instead of a picture. */
  text: string;
  /** Which parts exist of what is still being computed, as shares of the whole; null if all does. */
  done: (readonly [number, number])[] | null;
}

const KINDS: readonly string[] = ["minmax", "image", "curve", "events", "text"];
const STATES: readonly string[] = ["missing", "queued", "running", "fresh", "stale", "failed"];

function range(low: unknown, high: unknown, fallback: [number, number]): [number, number] {
  const a = finite(low);
  const b = finite(high);
  if (a === null || b === null) return fallback;
  return b > a ? [a, b] : [a, a + 1];
}

function rising(value: unknown, count: number): number[] {
  const numbers = list(value).map((item) => num(item, Number.NaN));
  const fine = numbers.length === count && count > 1 && numbers.every((item, k) => k === 0 || item > numbers[k - 1]);
  return fine ? numbers : [];
}

/** @param shift_s add it to timeline time to get the time of the recording */
export function parseLayer(value: unknown, shift_s = 0): Layer | null {
  if (!isRecord(value) || typeof value.name !== "string" || !KINDS.includes(text(value.kind))) return null;
  const kind = value.kind as LayerKind;
  const hop_s = num(value.hop_s, 0);
  const [value_min, value_max] = range(value.value_min, value.value_max, kind === "minmax" ? [-1, 1] : [0, 1]);
  const [y_min, y_max] = range(value.y_min, value.y_max, [0, 1]);
  const rows = whole(value.rows, 1, 1);
  // A centred bucket reaches half a hop to either side of its time.
  const start_s = num(value.t0_s, 0) - (value.aligned === "center" ? hop_s / 2 : 0);
  const names = list(value.y_names).map((name) => text(name));
  return {
    name: value.name,
    kind,
    label: text(value.label) || value.name,
    unit: text(value.unit),
    state: (STATES.includes(text(value.state)) ? value.state : "missing") as LayerState,
    reason: text(value.reason),
    revision: whole(value.revision, 0),
    channels: list(value.channels).map((name) => text(name)),
    ranges: list(value.ranges).map((pair) => range(list(pair)[0], list(pair)[1], [value_min, value_max])),
    units: list(value.units).map((unit) => text(unit)),
    start_s: start_s - shift_s,
    hop_s,
    buckets: hop_s > 0 ? whole(value.buckets, 0) : 0,
    factor: clamp(whole(value.factor, kind === "image" ? 2 : 4), 2, 64),
    levels: clamp(whole(value.levels, 1), 1, 48),
    tile_buckets: whole(value.tile_buckets, kind === "image" ? 256 : 2048, 1),
    rows,
    row_bins: whole(value.row_bins, 1, 1),
    value_min,
    value_max,
    y_min,
    y_max,
    y_unit: text(value.y_unit),
    y_values: rising(value.y_values, rows),
    y_names: names.length === rows ? names : [],
    edges: list(value.edges).map((item) => num(item, 0)),
    text: text(value.text),
    done: Array.isArray(value.done) ? value.done.map((pair) => range(list(pair)[0], list(pair)[1], [0, 0])) : null,
  };
}

/** The layers that can be drawn; the first of a name wins. */
export function parseLayers(value: unknown, shift_s = 0): Layer[] {
  const layers = new Map<string, Layer>();
  for (const item of list(value)) {
    const layer = parseLayer(item, shift_s);
    if (layer && !layers.has(layer.name)) layers.set(layer.name, layer);
  }
  return [...layers.values()];
}

export function layerEnd_s(layer: Layer): number {
  return layer.start_s + layer.buckets * layer.hop_s;
}

/** Whether the layer lies on a grid of buckets, at several levels of detail. */
export function isGrid(layer: Layer): boolean {
  return layer.kind !== "events" && layer.kind !== "text";
}
