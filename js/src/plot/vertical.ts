// The vertical axis of an image: rows of the tile to heights on the screen, on any scale.

import { clamp } from "../guards";
import type { Layer } from "./layer";

/** What was chosen; "auto" is linear, or one height for each row where rows are not evenly spaced. */
export type FrequencyAxis = "auto" | "linear" | "log" | "mel";
export type Scale = "linear" | "log" | "mel" | "rows";

export interface VerticalAxis {
  low: number;
  high: number;
  scale: Scale;
  layer: Layer;
}

/** Up to so many rows, the outermost ones are shown at their full height as well. */
const WHOLE_ROWS = 128;

/** The (fractional) row of a value. */
export function rowPlace(layer: Layer, value: number): number {
  const { y_values: values, rows } = layer;
  if (values.length === 0) return ((value - layer.y_min) / (layer.y_max - layer.y_min)) * (rows - 1);
  let low = 0;
  let high = rows - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (values[middle] <= value) low = middle;
    else high = middle - 1;
  }
  return low + (value - values[low]) / (values[low + 1] - values[low]);
}

/** The value of a (fractional) row. */
export function rowValue(layer: Layer, row: number): number {
  const { y_values: values, rows } = layer;
  if (rows < 2) return layer.y_min;
  if (values.length === 0) return layer.y_min + ((layer.y_max - layer.y_min) * row) / (rows - 1);
  const k = clamp(Math.floor(row), 0, rows - 2);
  return values[k] + (row - k) * (values[k + 1] - values[k]);
}

/** The row nearest to a value. */
export function rowAt(layer: Layer, value: number): number {
  return clamp(Math.round(rowPlace(layer, value)), 0, layer.rows - 1);
}

export function hasFrequencies(layer: Layer): boolean {
  return layer.kind === "image" && layer.y_unit === "Hz";
}

export function verticalAxis(layer: Layer, choice: FrequencyAxis): VerticalAxis {
  const hz = hasFrequencies(layer);
  const scale: Scale = hz && choice !== "auto" ? choice : layer.y_values.length > 0 ? "rows" : "linear";
  const half = layer.rows > 1 && layer.rows <= WHOLE_ROWS ? 0.5 : 0;
  const high = rowValue(layer, layer.rows - 1 + half);
  if (scale !== "log") return { low: rowValue(layer, -half), high, scale, layer };
  const row = (layer.y_max - layer.y_min) / Math.max(1, layer.rows - 1);
  // A logarithm cannot show zero: start at the first row above it, and not lower than people hear.
  const low = Math.max(layer.y_min > 0 ? layer.y_min : row, layer.y_max / 1100);
  return low < high ? { low, high, scale, layer } : verticalAxis(layer, "linear");
}

function forward({ scale, layer }: VerticalAxis, value: number): number {
  if (scale === "log") return Math.log(Math.max(value, 1e-12));
  if (scale === "mel") return Math.log1p(Math.max(value, -699) / 700);
  return scale === "rows" ? rowPlace(layer, value) : value;
}

function inverse({ scale, layer }: VerticalAxis, place: number): number {
  if (scale === "log") return Math.exp(place);
  if (scale === "mel") return 700 * Math.expm1(place);
  return scale === "rows" ? rowValue(layer, place) : place;
}

/** Height of a value: 0 at the bottom, 1 at the top. */
export function heightOf(axis: VerticalAxis, value: number): number {
  const bottom = forward(axis, axis.low);
  return (forward(axis, value) - bottom) / (forward(axis, axis.high) - bottom);
}

export function valueAt(axis: VerticalAxis, height: number): number {
  const bottom = forward(axis, axis.low);
  return inverse(axis, bottom + height * (forward(axis, axis.high) - bottom));
}

/**
 * First and last row behind each line of pixels, top line first: [first0, last0, first1, last1, ...].
 * Every row lies behind some line, so that a thin horizontal line of a picture cannot fall through.
 */
export function rowRanges(layer: Layer, axis: VerticalAxis, height_px: number): Int32Array {
  const place = (y: number) => rowPlace(layer, valueAt(axis, 1 - y / height_px));
  // A row belongs to the line its centre is in; the tolerance keeps rounding from losing the outermost ones.
  const above = (row: number) => clamp(Math.ceil(row - 1e-6), 0, layer.rows);
  const ranges = new Int32Array(height_px * 2);
  for (let y = 0; y < height_px; y++) {
    const first = above(place(y + 1));
    const last = y === 0 ? layer.rows - 1 : above(place(y)) - 1;
    const nearest = clamp(Math.round(place(y + 0.5)), 0, layer.rows - 1);
    ranges[2 * y] = last < first ? nearest : first;
    ranges[2 * y + 1] = last < first ? nearest : last;
  }
  return ranges;
}
