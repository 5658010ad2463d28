// Axes, grid lines and colour bar: numbers with units on round values.

import { formatNumber, formatTime } from "../format";
import type { Theme } from "../theme";
import { cssColour } from "./colormap";
import type { Layer } from "./layer";
import { linearTicks, logTicks, timeTicks } from "./ticks";
import { heightOf, type VerticalAxis } from "./vertical";
import { type Area, innerWidth, type View, xOf } from "./view";

const FONT_PX = 11;
const LABEL_GAP_PX = 22;
const TIME_LABEL_PX = 72;

type Ctx = CanvasRenderingContext2D;

function setFont(ctx: Ctx, theme: Theme, ratio: number): void {
  ctx.font = `${FONT_PX * ratio}px ${theme.font}`;
}

interface Mark {
  value: number;
  label: string;
}

/** Unit of an axis, and marks in that unit. */
function valueMarks(low: number, high: number, unit: string, most: number): { unit: string; marks: Mark[] } {
  const kilo = unit === "Hz" && high >= 2000;
  const scale = kilo ? 1000 : 1;
  const { values, decimals } = linearTicks(low / scale, high / scale, most);
  const marks = values.map((value) => ({ value: value * scale, label: formatNumber(value, decimals) }));
  return { unit: kilo ? "kHz" : unit, marks };
}

function logMarks({ low, high }: VerticalAxis, unit: string, most: number): { unit: string; marks: Mark[] } {
  const kilo = unit === "Hz";
  const label = (value: number) => (kilo && value >= 1000 ? `${value / 1000}k` : String(Number(value.toPrecision(6))));
  return { unit, marks: logTicks(low, high, most).map((value) => ({ value, label: label(value) })) };
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

export function drawRowAxis(ctx: Ctx, area: Area, theme: Theme, ratio: number, layer: Layer, axis: VerticalAxis): void {
  const marks = axis.log
    ? logMarks(axis, layer.y_unit, most(area, ratio))
    : valueMarks(axis.low, axis.high, layer.y_unit, most(area, ratio));
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
  for (const time_s of timeMarks(view).values) {
    ctx.fillRect(Math.round(xOf(view, time_s) * view.ratio - line / 2), area.y, line, area.height);
  }
}

export function drawColourBar(ctx: Ctx, area: Area, theme: Theme, view: View, layer: Layer): void {
  const { ratio } = view;
  const x = area.x + area.width + 8 * ratio;
  const width = 10 * ratio;
  const gradient = ctx.createLinearGradient(0, area.y + area.height, 0, area.y);
  for (let k = 0; k <= 16; k++) gradient.addColorStop(k / 16, cssColour(Math.round((255 * k) / 16)));
  ctx.fillStyle = gradient;
  ctx.fillRect(x, area.y, width, area.height);
  setFont(ctx, theme, ratio);
  ctx.fillStyle = theme.colours.muted;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  const { unit, marks } = valueMarks(layer.value_min, layer.value_max, layer.unit, most(area, ratio));
  const half = (FONT_PX / 2) * ratio;
  for (const { value, label } of marks) {
    const share = (value - layer.value_min) / (layer.value_max - layer.value_min);
    const y = area.y + area.height * (1 - share);
    ctx.fillText(label, x + width + 4 * ratio, Math.min(Math.max(y, area.y + half), area.y + area.height - half));
  }
  if (!unit) return;
  ctx.save();
  ctx.translate((view.width - 7) * ratio, area.y + area.height / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.textAlign = "center";
  ctx.fillText(unit, 0, 0);
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

function timeMarks(view: View) {
  return timeTicks(view.span[0], view.span[1], innerWidth(view) / TIME_LABEL_PX);
}

/** The axis all panes share. */
export function drawTimeAxis(ctx: Ctx, theme: Theme, view: View): void {
  const { ratio } = view;
  const { values, decimals } = timeMarks(view);
  ctx.clearRect(0, 0, ctx.canvas.width, ctx.canvas.height);
  setFont(ctx, theme, ratio);
  ctx.fillStyle = theme.colours.muted;
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  const right = (view.width - 2) * ratio;
  for (const time_s of values) {
    const x = xOf(view, time_s) * ratio;
    ctx.fillRect(Math.round(x - ratio / 2), 0, Math.max(1, Math.round(ratio)), 5 * ratio);
    const label = formatTime(time_s, decimals);
    const half = ctx.measureText(label).width / 2;
    ctx.fillText(label, Math.min(x, right - half), 8 * ratio);
  }
  ctx.textAlign = "left";
  ctx.fillText("time", 2 * ratio, 8 * ratio);
}
