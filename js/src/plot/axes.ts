// Axes, grid lines and colour bar: numbers with units on round values.

import { formatNumber } from "../format";
import { clamp } from "../guards";
import type { Theme } from "../theme";
import { cssColour, type Look } from "./colormap";
import type { Line, TimeAxis } from "./grid";
import type { Layer } from "./layer";
import { linearTicks, logTicks } from "./ticks";
import { heightOf, type VerticalAxis } from "./vertical";
import { type Area, type View, xOf } from "./view";

const FONT_PX = 11;
const LABEL_GAP_PX = 22;

type Ctx = CanvasRenderingContext2D;

function setFont(ctx: Ctx, theme: Theme, ratio: number): void {
  ctx.font = `${FONT_PX * ratio}px ${theme.font}`;
}

interface Mark {
  value: number;
  label: string;
}

/** How to write the numbers of an axis, so that they fit beside it and can be told apart. */
export function axisLabel(largest: number, step: number, decimals: number): (value: number) => string {
  if (largest < 1e5 && decimals <= 4) return (value) => formatNumber(value, decimals);
  const digits = clamp(Math.ceil(Math.log10(largest / step)), 0, 6);
  return (value) => (value === 0 ? "0" : value.toExponential(digits).replace("e+", "e").replaceAll("-", "\u2212"));
}

/** Unit of an axis, and marks in that unit. */
function valueMarks(low: number, high: number, unit: string, most: number): { unit: string; marks: Mark[] } {
  const kilo = unit === "Hz" && high >= 2000;
  const scale = kilo ? 1000 : 1;
  const { values, step, decimals } = linearTicks(low / scale, high / scale, most);
  const label = axisLabel(Math.max(Math.abs(low), Math.abs(high)) / scale, step, decimals);
  const marks = values.map((value) => ({ value: value * scale, label: label(value) }));
  return { unit: kilo ? "kHz" : unit, marks };
}

/** Frequencies 1, 2, 5 of each decade, as many as find room on a scale that is not linear. */
function spacedMarks(axis: VerticalAxis, unit: string, height: number): { unit: string; marks: Mark[] } {
  const kilo = unit === "Hz";
  const label = (value: number) => (kilo && value >= 1000 ? `${value / 1000}k` : String(Number(value.toPrecision(6))));
  const { low, high } = axis;
  if (axis.scale === "log") {
    const values = logTicks(low, high, Math.max(1, Math.floor(height / LABEL_GAP_PX)));
    return { unit, marks: values.map((value) => ({ value, label: label(value) })) };
  }
  const marks: Mark[] = [];
  let last = Number.POSITIVE_INFINITY;
  const values = logTicks(Math.max(low, high / 1e4), high, 60);
  for (const value of values.length > 0 ? values.reverse() : linearTicks(low, high, 8).values.reverse()) {
    const y = heightOf(axis, value) * height;
    if (last - y < LABEL_GAP_PX) continue;
    last = y;
    marks.push({ value, label: label(value) });
  }
  return { unit, marks };
}

/** Names of rows, every so many of them that they find room. */
function namedMarks(layer: Layer, most: number): { unit: string; marks: Mark[] } {
  const every = Math.max(1, Math.ceil(layer.rows / Math.max(1, most)));
  const marks = layer.y_names.map((label, value) => ({ value, label })).filter(({ value }) => value % every === 0);
  return { unit: "", marks };
}

/** Labels and ticks left of an area. `place` gives the height (0..1) of a value. */
function drawMarks(
  ctx: Ctx,
  area: Area,
  theme: Theme,
  ratio: number,
  { unit, marks }: { unit: string; marks: Mark[] },
  place: (value: number) => number,
): void {
  setFont(ctx, theme, ratio);
  ctx.fillStyle = theme.colours.muted;
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  const half = (FONT_PX / 2) * ratio;
  for (const { value, label } of marks) {
    const y = area.y + area.height * (1 - place(value));
    ctx.fillRect(area.x - 4 * ratio, Math.round(y - ratio / 2), 4 * ratio, Math.max(1, Math.round(ratio)));
    const inside = Math.min(Math.max(y, area.y + half), area.y + area.height - half);
    ctx.fillText(label, area.x - 7 * ratio, inside);
  }
  if (!unit) return;
  ctx.save();
  ctx.translate(9 * ratio, area.y + area.height / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.textAlign = "center";
  ctx.fillText(unit, 0, 0);
  ctx.restore();
}

function most(area: Area, ratio: number): number {
  return Math.max(1, Math.floor(area.height / ratio / LABEL_GAP_PX));
}

export function drawValueAxis(ctx: Ctx, area: Area, theme: Theme, ratio: number, layer: Layer, unit: string): void {
  const { value_min: low, value_max: high } = layer;
  const axis = valueMarks(low, high, unit, most(area, ratio));
  drawMarks(ctx, area, theme, ratio, axis, (value) => (value - low) / (high - low));
}

export function drawRowAxis(ctx: Ctx, area: Area, theme: Theme, ratio: number, axis: VerticalAxis): void {
  const { layer } = axis;
  let marks = valueMarks(axis.low, axis.high, layer.y_unit, most(area, ratio));
  if (layer.y_names.length > 0) marks = namedMarks(layer, area.height / ratio / (FONT_PX + 3));
  else if (axis.scale !== "linear") marks = spacedMarks(axis, layer.y_unit, area.height / ratio);
  drawMarks(ctx, area, theme, ratio, marks, (value) => heightOf(axis, value));
}

/** Lines at the values of the axis, under the data. */
export function drawGrid(ctx: Ctx, area: Area, theme: Theme, view: View, layer: Layer): void {
  const line = Math.max(1, Math.round(view.ratio));
  ctx.fillStyle = theme.colours.grid;
  for (const { value } of valueMarks(layer.value_min, layer.value_max, layer.unit, most(area, view.ratio)).marks) {
    const share = (value - layer.value_min) / (layer.value_max - layer.value_min);
    ctx.fillRect(area.x, Math.round(area.y + area.height * (1 - share) - line / 2), area.width, line);
  }
}

/** Vertical lines at times. */
export function drawTimes(ctx: Ctx, area: Area, view: View, times: readonly number[], colour: string, alpha = 1): void {
  const line = Math.max(1, Math.round(view.ratio));
  ctx.globalAlpha = alpha;
  ctx.fillStyle = colour;
  for (const time_s of times) {
    ctx.fillRect(Math.round(xOf(view, time_s) * view.ratio - line / 2), area.y, line, area.height);
  }
  ctx.globalAlpha = 1;
}

/** Dims what lies outside of the part of a recording that is heard. */
export function drawOutside(
  ctx: Ctx,
  area: Area,
  theme: Theme,
  view: View,
  [start_s, end_s]: readonly [number, number],
): void {
  const left = Math.min(Math.max(xOf(view, start_s) * view.ratio, area.x), area.x + area.width);
  const right = Math.min(Math.max(xOf(view, end_s) * view.ratio, left), area.x + area.width);
  ctx.fillStyle = theme.colours.bg;
  ctx.globalAlpha = 0.66;
  ctx.fillRect(area.x, area.y, left - area.x, area.height);
  ctx.fillRect(right, area.y, area.x + area.width - right, area.height);
  ctx.globalAlpha = 1;
}

/** Leaves open what does not exist yet of a feature that is being computed. */
export function drawUndone(
  ctx: Ctx,
  area: Area,
  theme: Theme,
  layer: Layer,
  done: readonly (readonly [number, number])[],
): void {
  const scale = area.width / (area.t1_s - area.t0_s);
  const whole_s = layer.buckets * layer.hop_s;
  const place = (share: number) => {
    const x = area.x + (layer.start_s + share * whole_s - area.t0_s) * scale;
    return Math.min(Math.max(Math.round(x), area.x), area.x + area.width);
  };
  ctx.fillStyle = theme.colours.bg;
  let from = place(0);
  for (const [start, end] of done) {
    ctx.fillRect(from, area.y, place(start) - from, area.height);
    from = place(end);
  }
  ctx.fillRect(from, area.y, place(1) - from, area.height);
}

/** @param range of the values the colours are spread over */
export function drawColourBar(
  ctx: Ctx,
  area: Area,
  theme: Theme,
  view: View,
  unit: string,
  look: Look,
  { low, high }: { low: number; high: number },
): void {
  const { ratio } = view;
  // The bar has the whole range of the colours, whichever part of the bytes it comes from.
  const whole = { ...look, low: 0, high: 1 };
  const x = area.x + area.width + 8 * ratio;
  const width = 10 * ratio;
  const gradient = ctx.createLinearGradient(0, area.y + area.height, 0, area.y);
  for (let k = 0; k <= 16; k++) gradient.addColorStop(k / 16, cssColour(whole, Math.round((255 * k) / 16)));
  ctx.fillStyle = gradient;
  ctx.fillRect(x, area.y, width, area.height);
  setFont(ctx, theme, ratio);
  ctx.fillStyle = theme.colours.muted;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  const axis = valueMarks(low, high, unit, most(area, ratio));
  const half = (FONT_PX / 2) * ratio;
  for (const { value, label } of axis.marks) {
    const y = area.y + area.height * (1 - (value - low) / (high - low));
    ctx.fillText(label, x + width + 4 * ratio, Math.min(Math.max(y, area.y + half), area.y + area.height - half));
  }
  if (!axis.unit) return;
  ctx.save();
  ctx.translate((view.width - 7) * ratio, area.y + area.height / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.textAlign = "center";
  ctx.fillText(axis.unit, 0, 0);
  ctx.restore();
}

export function drawFrame(ctx: Ctx, area: Area, theme: Theme, ratio: number): void {
  const line = Math.max(1, Math.round(ratio));
  ctx.fillStyle = theme.colours.grid;
  ctx.fillRect(area.x - line, area.y, line, area.height);
  ctx.fillRect(area.x, area.y + area.height, area.width, line);
  ctx.fillRect(area.x, area.y - line, area.width, line);
  ctx.fillRect(area.x + area.width, area.y, line, area.height);
}

/** The axis all panes share. */
export function drawTimeAxis(ctx: Ctx, theme: Theme, view: View, lines: readonly Line[], axis: TimeAxis): void {
  const { ratio } = view;
  ctx.clearRect(0, 0, ctx.canvas.width, ctx.canvas.height);
  setFont(ctx, theme, ratio);
  ctx.fillStyle = theme.colours.muted;
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  const right = (view.width - 2) * ratio;
  let first = Number.POSITIVE_INFINITY;
  for (const { time_s, label, strong } of lines) {
    const x = xOf(view, time_s) * ratio;
    ctx.fillRect(Math.round(x - ratio / 2), 0, Math.max(1, Math.round(ratio)), (strong || label ? 5 : 3) * ratio);
    if (!label) continue;
    const half = ctx.measureText(label).width / 2;
    first = Math.min(first, x - half);
    ctx.fillText(label, Math.min(x, right - half), 8 * ratio);
  }
  ctx.textAlign = "left";
  const caption = axis === "bars" ? "bars" : "time";
  if (ctx.measureText(caption).width + 6 * ratio < first) ctx.fillText(caption, 2 * ratio, 8 * ratio);
}
