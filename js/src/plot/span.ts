// The visible range of time: plain arithmetic on [t0_s, t1_s].

import { clamp, finite } from "../guards";

export type Span = readonly [t0_s: number, t1_s: number];

/** A span inside an extent, at least `least` long if there is room for it. */
export function clampSpan([t0_s, t1_s]: Span, [start_s, end_s]: Span, least_s: number): Span {
  const all_s = end_s - start_s;
  const length_s = clamp(t1_s - t0_s, Math.min(least_s, all_s), all_s);
  // What was too short grows around its middle, what was too long starts where it started.
  const wanted_s = t1_s - t0_s < length_s ? (t0_s + t1_s - length_s) / 2 : t0_s;
  const from_s = clamp(wanted_s, start_s, end_s - length_s);
  return [from_s, from_s + length_s];
}

/** `factor` < 1 zooms in; the time `at_s` stays where it is on the screen. */
export function zoomSpan(
  [t0_s, t1_s]: Span,
  factor: number,
  at_s: number,
  [start_s, end_s]: Span,
  least_s: number,
): Span {
  const all_s = end_s - start_s;
  const length_s = clamp((t1_s - t0_s) * factor, Math.min(least_s, all_s), all_s);
  const share = (at_s - t0_s) / (t1_s - t0_s);
  const from_s = clamp(at_s - share * length_s, start_s, end_s - length_s);
  return [from_s, from_s + length_s];
}

export function panSpan([t0_s, t1_s]: Span, by_s: number, [start_s, end_s]: Span): Span {
  const length_s = t1_s - t0_s;
  const from_s = clamp(t0_s + by_s, start_s, Math.max(start_s, end_s - length_s));
  return [from_s, from_s + length_s];
}

/** Whether two spans look the same on any screen. */
export function sameSpan(a: Span, b: Span): boolean {
  const tolerance = 1e-6 * Math.max(Math.abs(a[1] - a[0]), Math.abs(b[1] - b[0]));
  return Math.abs(a[0] - b[0]) <= tolerance && Math.abs(a[1] - b[1]) <= tolerance;
}

/** The span in a trait, or null if it holds none. */
export function parseSpan(value: unknown): Span | null {
  if (!Array.isArray(value) || value.length !== 2) return null;
  const t0_s = finite(value[0]);
  const t1_s = finite(value[1]);
  return t0_s !== null && t1_s !== null && t1_s > t0_s ? [t0_s, t1_s] : null;
}
