// Where on the screen the panes draw: one horizontal scale for all of them.

import type { Span } from "./span";

export interface View {
  span: Span;
  /** CSS pixels. */
  width: number;
  left: number;
  right: number;
  /** Device pixels per CSS pixel. */
  ratio: number;
}

export const LEFT = 58;
export const RIGHT_PLAIN = 12;
export const RIGHT_COLOUR_BAR = 66;

/** Width of the drawing between the axes, in CSS pixels. */
export function innerWidth({ width, left, right }: View): number {
  return Math.max(1, width - left - right);
}

export function xOf(view: View, time_s: number): number {
  const [t0_s, t1_s] = view.span;
  return view.left + ((time_s - t0_s) / (t1_s - t0_s)) * innerWidth(view);
}

export function timeAt(view: View, x: number): number {
  const [t0_s, t1_s] = view.span;
  return t0_s + ((x - view.left) / innerWidth(view)) * (t1_s - t0_s);
}

export function secondsPerDevicePixel(view: View): number {
  return (view.span[1] - view.span[0]) / (innerWidth(view) * view.ratio);
}

/** The drawing area of a pane in device pixels, and the times at its edges. */
export interface Area {
  x: number;
  y: number;
  width: number;
  height: number;
  t0_s: number;
  t1_s: number;
}

export function areaOf(view: View, top: number, height: number): Area {
  const x = Math.round(view.left * view.ratio);
  return {
    x,
    y: Math.round(top * view.ratio),
    width: Math.max(1, Math.round((view.width - view.right) * view.ratio) - x),
    height: Math.max(1, Math.round(height * view.ratio)),
    t0_s: view.span[0],
    t1_s: view.span[1],
  };
}

/** Sizes a canvas in CSS pixels; leaves one alone that fits, since setting a size clears it. */
export function fitCanvas(canvas: HTMLCanvasElement, width_px: number, height_px: number, ratio: number): void {
  const width = Math.round(width_px * ratio);
  const height = Math.round(height_px * ratio);
  if (canvas.width === width && canvas.height === height) return;
  canvas.width = width;
  canvas.height = height;
  canvas.style.height = `${height_px}px`;
}
