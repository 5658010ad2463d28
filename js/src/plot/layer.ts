// One layer of a plot, as the `layers` trait describes it.

import { clamp, finite, isRecord, list, num, text, whole } from "../guards";

export type LayerKind = "minmax" | "image" | "curve";
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
  /** Left edge of bucket 0, whatever the alignment is. */
  start_s: number;
  hop_s: number;
  /** Buckets at level 0; zero means that there is nothing to draw. */
  buckets: number;
  factor: number;
  levels: number;
  tile_buckets: number;
  rows: number;
  value_min: number;
  value_max: number;
  y_min: number;
  y_max: number;
  y_unit: string;
}

const KINDS: readonly string[] = ["minmax", "image", "curve"];
const STATES: readonly string[] = ["missing", "queued", "running", "fresh", "stale", "failed"];

function range(low: unknown, high: unknown, fallback: [number, number]): [number, number] {
  const a = finite(low);
  const b = finite(high);
  if (a === null || b === null) return fallback;
  return b > a ? [a, b] : [a, a + 1];
}

export function parseLayer(value: unknown): Layer | null {
  if (!isRecord(value) || typeof value.name !== "string" || !KINDS.includes(text(value.kind))) return null;
  const kind = value.kind as LayerKind;
  const hop_s = num(value.hop_s, 0);
  const [value_min, value_max] = range(value.value_min, value.value_max, kind === "minmax" ? [-1, 1] : [0, 1]);
  const [y_min, y_max] = range(value.y_min, value.y_max, [0, 1]);
  // A centred bucket reaches half a hop to either side of its time.
  const start_s = num(value.t0_s, 0) - (value.aligned === "center" ? hop_s / 2 : 0);
  return {
    name: value.name,
    kind,
    label: text(value.label) || value.name,
    unit: text(value.unit),
    state: (STATES.includes(text(value.state)) ? value.state : "missing") as LayerState,
    reason: text(value.reason),
    revision: whole(value.revision, 0),
    channels: list(value.channels).map((name) => text(name)),
    start_s,
    hop_s,
    buckets: hop_s > 0 ? whole(value.buckets, 0) : 0,
    factor: clamp(whole(value.factor, kind === "image" ? 2 : 4), 2, 64),
    levels: clamp(whole(value.levels, 1), 1, 48),
    tile_buckets: whole(value.tile_buckets, kind === "image" ? 256 : 2048, 1),
    rows: whole(value.rows, 1, 1),
    value_min,
    value_max,
    y_min,
    y_max,
    y_unit: text(value.y_unit),
  };
}

/** The layers that can be drawn; the first of a name wins. */
export function parseLayers(value: unknown): Layer[] {
  const layers = new Map<string, Layer>();
  for (const item of list(value)) {
    const layer = parseLayer(item);
    if (layer && !layers.has(layer.name)) layers.set(layer.name, layer);
  }
  return [...layers.values()];
}

export function layerEnd_s(layer: Layer): number {
  return layer.start_s + layer.buckets * layer.hop_s;
}
