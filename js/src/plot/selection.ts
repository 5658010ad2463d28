// What is marked: a span of time, in an image together with a range of its vertical axis.

import { make, setHidden } from "../dom";
import { formatRange, formatTime, formatValue } from "../format";
import { finite } from "../guards";
import type { Span } from "./span";
import { innerWidth, type View, xOf } from "./view";

export interface Selection {
  time_s: Span;
  /** On the vertical axis of an image. */
  values: Span | null;
}

/** What the trait holds, or null if it holds no selection. */
export function parseSelection(value: unknown): Selection | null {
  if (!Array.isArray(value) || (value.length !== 2 && value.length !== 4)) return null;
  const numbers = value.map((item) => finite(item) ?? Number.NaN);
  if (!(numbers[0] < numbers[1]) || (numbers.length === 4 && !(numbers[2] < numbers[3]))) return null;
  return { time_s: [numbers[0], numbers[1]], values: numbers.length === 4 ? [numbers[2], numbers[3]] : null };
}

export function selectionValue(selection: Selection | null): number[] | null {
  return selection ? [...selection.time_s, ...(selection.values ?? [])] : null;
}

/** Two numbers in order; null if they are the same. */
export function ordered(a: number, b: number): Span | null {
  return a === b ? null : [Math.min(a, b), Math.max(a, b)];
}

export function selectionWords(selection: Selection | null, unit: string): string {
  if (!selection) return "Nothing is selected.";
  const [t0_s, t1_s] = selection.time_s;
  const times = `Selected ${formatTime(t0_s)} to ${formatTime(t1_s)}, ${formatValue(t1_s - t0_s, "s")}`;
  if (!selection.values) return `${times}.`;
  const [low, high] = selection.values;
  return `${times}, ${formatValue(low, unit)} to ${formatValue(high, unit)}.`;
}

/** The same in few words, for beside the frame. */
export function selectionLabel(selection: Selection, unit: string): string {
  const length = formatValue(selection.time_s[1] - selection.time_s[0], "s");
  return selection.values ? `${length} · ${formatRange(...selection.values, unit)}` : length;
}

/** A frame over the panes. */
export class SelectionBox {
  readonly element = make("div", "acn-selection", { "aria-hidden": "true" });
  readonly #label = make("span", "acn-selection-label");

  constructor() {
    this.element.append(this.#label);
    this.element.hidden = true;
  }

  /** @param box top and height in CSS pixels of the plot */
  draw(view: View, selection: Selection | null, box: { top: number; height: number }, words: string): void {
    const inside = selection && selection.time_s[1] > view.span[0] && selection.time_s[0] < view.span[1];
    setHidden(this.element, !inside);
    if (!selection || !inside) return;
    const right = view.left + innerWidth(view);
    const x0 = Math.max(view.left, xOf(view, selection.time_s[0]));
    const x1 = Math.min(right, xOf(view, selection.time_s[1]));
    const { style } = this.element;
    style.transform = `translate(${x0.toFixed(1)}px, ${box.top.toFixed(1)}px)`;
    style.width = `${Math.max(1, x1 - x0).toFixed(1)}px`;
    style.height = `${Math.max(1, box.height).toFixed(1)}px`;
    this.#label.textContent = x1 - x0 > 70 ? words : "";
  }
}
