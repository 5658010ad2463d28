// Channels below each other.

import type { Layer } from "./layer";

export const LANE_GAP_PX = 8;

export function laneCount(layer: Layer): number {
  return layer.kind === "minmax" ? Math.max(1, layer.channels.length) : 1;
}

/** Height of the drawing unless another one is wanted, in CSS pixels. */
export function heightFor(layer: Layer): number {
  if (layer.kind === "image") return 208;
  if (layer.kind === "curve") return 112;
  if (layer.kind === "events") return 64;
  if (layer.kind === "text") return 32;
  const lanes = laneCount(layer);
  return lanes * (lanes === 1 ? 96 : lanes === 2 ? 64 : lanes <= 6 ? 44 : 28) + (lanes - 1) * LANE_GAP_PX;
}

/** The part of an area that belongs to one of several channels below each other. */
export function laneOf<T extends { y: number; height: number }>(area: T, lane: number, lanes: number, gap: number): T {
  const height = (area.height - gap * (lanes - 1)) / lanes;
  const top = Math.round(area.y + lane * (height + gap));
  return { ...area, y: top, height: Math.round(area.y + lane * (height + gap) + height) - top };
}
