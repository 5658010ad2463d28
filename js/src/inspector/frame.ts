// What the kernel says about a frame, checked.

import { floats } from "../codec";
import { bytesOf, finite, list, num, record, text, whole } from "../guards";

export const KINDS = ["bars", "spectrum", "chroma", "numbers"] as const;
export type Kind = (typeof KINDS)[number];

export interface Axis {
  unit: string;
  names: string[];
  /** Frequencies of the values, rising; empty if they have none. */
  coords: number[];
  width: number;
  low: number;
  high: number;
  /** The ways of showing it that make sense, the best one first. */
  kinds: Kind[];
}

export interface Frame {
  time_s: number;
  in_range: boolean;
  partial: boolean;
  index: number;
  frames: number;
  values: Float32Array;
  /** Values where there are few columns, else bytes: shares of the axis's range. */
  trail: Float32Array | Uint8Array;
  rows: number;
  columns: number;
  spacing_s: number;
}

/** As many columns are drawn as lines; more are a picture. */
export const LINES = 4;

const isKind = (value: unknown): value is Kind => (KINDS as readonly unknown[]).includes(value);

export function parseAxis(value: unknown): Axis {
  const told = record(value);
  const low = num(told.low, 0);
  const high = num(told.high, 1);
  const coords = list(told.coords).map((item) => finite(item) ?? 0);
  const kinds = list(told.kinds).filter(isKind);
  return {
    unit: text(told.unit),
    names: list(told.names).map((item) => text(item)),
    coords,
    width: whole(told.width, 0),
    low,
    high: high > low ? high : low + 1,
    kinds: kinds.length > 0 ? kinds : ["numbers"],
  };
}

const numbers = (value: unknown): Float32Array => {
  const bytes = bytesOf(value);
  return bytes && bytes.byteLength % 4 === 0 ? floats(bytes) : new Float32Array(0);
};

export function parseFrame(value: unknown): Frame | null {
  const told = record(value);
  if (finite(told.time_s) === null) return null;
  const columns = whole(told.trail_columns, 0);
  const rows = whole(told.trail_rows, 0);
  const trail = columns <= LINES ? numbers(told.trail) : (bytesOf(told.trail) ?? new Uint8Array(0));
  const fits = rows * columns === trail.length;
  return {
    time_s: num(told.time_s, 0),
    in_range: told.in_range === true,
    partial: told.partial === true,
    index: whole(told.index, 0),
    frames: whole(told.frames, 0),
    values: numbers(told.values),
    trail: fits ? trail : new Float32Array(0),
    rows: fits ? rows : 0,
    columns: fits ? columns : 0,
    spacing_s: num(told.spacing_s, 0.05),
  };
}

/** Index of the largest finite value, or -1. */
export function loudest(values: Float32Array): number {
  let best = -1;
  values.forEach((value, k) => {
    if (Number.isFinite(value) && (best < 0 || value > values[best])) best = k;
  });
  return best;
}

export function nameOf(axis: Axis, k: number): string {
  return axis.names[k] || `${k + 1}`;
}
