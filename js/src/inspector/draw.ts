// Drawings of one frame: bars, a spectrum over the logarithm of frequency, a wheel of pitch classes; and the trail.

import { formatHz, formatNumber } from "../format";
import { clamp } from "../guards";
import { PIXELS } from "../plot/colormap";
import { linearTicks, logTicks } from "../plot/ticks";
import type { Theme } from "../theme";
import { type Axis, type Frame, LINES, loudest, nameOf } from "./frame";

export interface Place {
  width: number;
  height: number;
  ratio: number;
}

type Context = CanvasRenderingContext2D;

const LEFT = 48;
const RIGHT = 12;
const TOP = 8;
const BOTTOM = 22;
const HUES = ["c0", "c1", "c2", "c3", "c4", "c5"] as const;

/** Where a value lies between the ends of its range, 0 .. 1. */
export const shareOf = (axis: Axis, value: number) => clamp((value - axis.low) / (axis.high - axis.low), 0, 1);

function begin(ctx: Context, place: Place, theme: Theme): void {
  ctx.setTransform(place.ratio, 0, 0, place.ratio, 0, 0);
  ctx.clearRect(0, 0, place.width, place.height);
  ctx.font = `11px ${theme.font}`;
  ctx.lineWidth = 1;
}

function valueAxis(ctx: Context, place: Place, axis: Axis, theme: Theme): (value: number) => number {
  const inner = place.height - TOP - BOTTOM;
  const y = (value: number) => TOP + inner * (1 - shareOf(axis, value));
  const ticks = linearTicks(axis.low, axis.high, Math.max(2, inner / 40));
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  for (const value of ticks.values) {
    ctx.strokeStyle = theme.colours.grid;
    ctx.beginPath();
    ctx.moveTo(LEFT, Math.round(y(value)) + 0.5);
    ctx.lineTo(place.width - RIGHT, Math.round(y(value)) + 0.5);
    ctx.stroke();
    ctx.fillStyle = theme.colours.muted;
    ctx.fillText(formatNumber(value, ticks.decimals), LEFT - 6, y(value));
  }
  return y;
}

export function drawBars(ctx: Context, place: Place, axis: Axis, frame: Frame, theme: Theme): void {
  begin(ctx, place, theme);
  const y = valueAxis(ctx, place, axis, theme);
  const { values } = frame;
  const step = (place.width - LEFT - RIGHT) / Math.max(1, values.length);
  const base = y(clamp(0, axis.low, axis.high));
  const best = loudest(values);
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  const every = Math.max(1, Math.ceil(34 / Math.max(1, step)));
  values.forEach((value, k) => {
    const x = LEFT + k * step;
    if (Number.isFinite(value)) {
      ctx.fillStyle = k === best ? theme.colours.c1 : theme.colours.c0;
      const gap = Math.min(2, step * 0.15);
      const top = y(value);
      ctx.fillRect(x + gap / 2, Math.min(top, base), Math.max(1, step - gap), Math.max(1, Math.abs(base - top)));
    }
    if (k % every !== 0) return;
    ctx.fillStyle = theme.colours.muted;
    ctx.fillText(nameOf(axis, k), x + step / 2, place.height - BOTTOM + 5, step * every - 2);
  });
}

export function drawSpectrum(ctx: Context, place: Place, axis: Axis, frame: Frame, theme: Theme): void {
  begin(ctx, place, theme);
  const y = valueAxis(ctx, place, axis, theme);
  const { values } = frame;
  const count = Math.min(values.length, axis.coords.length);
  const top_hz = axis.coords[count - 1] ?? 1;
  const low_hz = Math.max(axis.coords.find((hz) => hz > 0) ?? 1, 20);
  const inner = place.width - LEFT - RIGHT;
  const x = (hz: number) => LEFT + (Math.log(Math.max(hz, low_hz) / low_hz) / Math.log(top_hz / low_hz)) * inner;
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  for (const hz of logTicks(low_hz, top_hz, inner / 55)) {
    ctx.strokeStyle = theme.colours.grid;
    ctx.beginPath();
    ctx.moveTo(Math.round(x(hz)) + 0.5, TOP);
    ctx.lineTo(Math.round(x(hz)) + 0.5, place.height - BOTTOM);
    ctx.stroke();
    ctx.fillStyle = theme.colours.muted;
    ctx.fillText(hz >= 1000 ? `${hz / 1000}k` : `${hz}`, x(hz), place.height - BOTTOM + 5);
  }
  const floor = place.height - BOTTOM;
  const line = new Path2D();
  let column = -1;
  let highest = floor;
  // Many bins of the treble share a pixel: the loudest of them is drawn.
  for (let k = 0; k < count; k++) {
    if (axis.coords[k] < low_hz * 0.999) continue;
    const at = Math.round(x(axis.coords[k]));
    const height = Number.isFinite(values[k]) ? y(values[k]) : floor;
    highest = at === column ? Math.min(highest, height) : height;
    const next = k + 1 < count ? Math.round(x(axis.coords[k + 1])) : -1;
    column = at;
    if (next !== at) line.lineTo(at, highest);
  }
  const area = new Path2D(line);
  area.lineTo(column, floor);
  area.lineTo(LEFT, floor);
  ctx.globalAlpha = 0.25;
  ctx.fillStyle = theme.colours.c0;
  ctx.fill(area);
  ctx.globalAlpha = 1;
  ctx.strokeStyle = theme.colours.c0;
  ctx.lineWidth = 1.5;
  ctx.stroke(line);
  const best = loudest(values.subarray(0, count));
  if (best < 0 || !frame.in_range) return;
  ctx.fillStyle = theme.colours.c1;
  ctx.beginPath();
  ctx.arc(x(axis.coords[best]), y(values[best]), 3.5, 0, 2 * Math.PI);
  ctx.fill();
}

export function drawChroma(ctx: Context, place: Place, axis: Axis, frame: Frame, theme: Theme): void {
  begin(ctx, place, theme);
  const { values } = frame;
  const radius = Math.min(place.width, place.height) / 2 - 20;
  const hole = radius * 0.32;
  ctx.translate(place.width / 2, place.height / 2);
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  const best = loudest(values);
  const slice = (2 * Math.PI) / Math.max(1, values.length);
  values.forEach((value, k) => {
    const middle = k * slice - Math.PI / 2;
    const wedge = (outer: number) => {
      ctx.beginPath();
      ctx.arc(0, 0, outer, middle - slice / 2 + 0.02, middle + slice / 2 - 0.02);
      ctx.arc(0, 0, hole, middle + slice / 2 - 0.02, middle - slice / 2 + 0.02, true);
      ctx.closePath();
    };
    wedge(radius);
    ctx.strokeStyle = theme.colours.grid;
    ctx.stroke();
    const share = Number.isFinite(value) ? shareOf(axis, value) : 0;
    if (share > 0) {
      wedge(hole + (radius - hole) * share);
      ctx.fillStyle = k === best ? theme.colours.c1 : theme.colours.c0;
      ctx.fill();
    }
    ctx.fillStyle = k === best && frame.in_range ? theme.colours.fg : theme.colours.muted;
    ctx.fillText(nameOf(axis, k), Math.cos(middle) * (radius + 11), Math.sin(middle) * (radius + 11));
  });
  if (best < 0 || !frame.in_range) return;
  ctx.fillStyle = theme.colours.fg;
  ctx.font = `600 ${Math.round(hole * 0.7)}px ${theme.font}`;
  ctx.fillText(nameOf(axis, best), 0, 1);
}

/** What led up to the frame, from left to right: lines of a few values, else an image. */
export function drawTrail(ctx: Context, place: Place, axis: Axis, frame: Frame, theme: Theme): void {
  begin(ctx, place, theme);
  const { trail, rows, columns } = frame;
  const inner = place.width - LEFT - RIGHT;
  const height = place.height - 4;
  if (rows === 0 || inner < 1) return;
  if (columns <= LINES) {
    for (let c = 0; c < columns; c++) {
      ctx.strokeStyle = theme.colours[HUES[c % HUES.length]];
      ctx.lineWidth = 1.5;
      ctx.beginPath();
      let down = false;
      for (let r = 0; r < rows; r++) {
        const value = trail[r * columns + c];
        if (!Number.isFinite(value)) {
          down = false;
          continue;
        }
        const x = LEFT + (r / Math.max(1, rows - 1)) * inner;
        const y = 2 + (height - 2) * (1 - shareOf(axis, value));
        if (down) ctx.lineTo(x, y);
        else ctx.moveTo(x, y);
        down = true;
      }
      ctx.stroke();
    }
  } else {
    const image = new ImageData(rows, columns);
    const pixels = new Uint32Array(image.data.buffer);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        pixels[(columns - 1 - c) * rows + r] = PIXELS[trail[r * columns + c]];
      }
    }
    const picture = document.createElement("canvas");
    picture.width = rows;
    picture.height = columns;
    picture.getContext("2d")?.putImageData(image, 0, 0);
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(picture, LEFT, 2, inner, height - 2);
  }
  ctx.fillStyle = theme.colours.muted;
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  ctx.fillText(`${formatNumber(-(rows - 1) * frame.spacing_s, 1)} s`, LEFT - 6, place.height / 2);
}

/** The most telling value, in words: "A 0.93", "440 Hz −12.3 dB". */
export function peakWords(axis: Axis, frame: Frame, format: (value: number, unit: string) => string): string {
  const best = loudest(frame.values);
  if (best < 0) return "no values";
  const where = axis.coords.length > best ? formatHz(axis.coords[best]) : nameOf(axis, best);
  return frame.values.length === 1
    ? format(frame.values[0], axis.unit)
    : `${where} ${format(frame.values[best], axis.unit)}`;
}
