// The vertical axis of an image: rows of the tile to heights on the screen, linear or logarithmic.

import { clamp } from "../guards";
import type { Layer } from "./layer";

export interface VerticalAxis {
  low: number;
  high: number;
  log: boolean;
}

export function verticalAxis(layer: Layer, log: boolean): VerticalAxis {
  if (!log || !(layer.y_max > 0)) return { low: layer.y_min, high: layer.y_max, log: false };
  const row = (layer.y_max - layer.y_min) / Math.max(1, layer.rows - 1);
  // A logarithm cannot show zero: start at the first row above it, and not lower than people hear.
  const low = Math.max(layer.y_min > 0 ? layer.y_min : row, layer.y_max / 1100);
  return low < layer.y_max ? { low, high: layer.y_max, log: true } : verticalAxis(layer, false);
}

/** Height of a value: 0 at the bottom, 1 at the top. */
export function heightOf({ low, high, log }: VerticalAxis, value: number): number {
  return log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}

export function valueAt({ low, high, log }: VerticalAxis, height: number): number {
  return log ? low * (high / low) ** height : low + (high - low) * height;
}

/** The row nearest to a value. */
export function rowAt(layer: Layer, value: number): number {
  const share = (value - layer.y_min) / (layer.y_max - layer.y_min);
  return clamp(Math.round(share * (layer.rows - 1)), 0, layer.rows - 1);
}

export function rowValue(layer: Layer, row: number): number {
  return layer.rows > 1 ? layer.y_min + ((layer.y_max - layer.y_min) * row) / (layer.rows - 1) : layer.y_min;
}

/**
 * First and last row behind each line of pixels, top line first: [first0, last0, first1, last1, ...].
 * Every row lies behind some line, so that a thin horizontal line of a picture cannot fall through.
 */
export function rowRanges(layer: Layer, axis: VerticalAxis, height_px: number): Int32Array {
  const scale = (layer.rows - 1) / (layer.y_max - layer.y_min);
  const place = (y: number) => (valueAt(axis, 1 - y / height_px) - layer.y_min) * scale;
  // A row belongs to the line its centre is in; the tolerance keeps rounding from losing the outermost ones.
  const above = (row: number) => Math.ceil(row - 1e-6);
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
