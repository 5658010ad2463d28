// Marking: by dragging, by keys, from the kernel; and telling the kernel.

import type { Model } from "../host";
import { onModel, throttle } from "../scope";
import type { Place } from "./input";
import type { Pane } from "./pane";
import type { Scene } from "./scene";
import {
  ordered,
  parseSelection,
  type Selection,
  SelectionBox,
  selectionLabel,
  selectionValue,
  selectionWords,
} from "./selection";
import { timeAt } from "./view";

const SAVE_MS = 100;

export class Selector {
  readonly box = new SelectionBox();
  selection: Selection | null = null;
  /** Dragging marks, rather than moves. */
  active = false;
  /** The pane whose vertical axis the selection's values are on. */
  #pane = "";
  #from_s: number | null = null;
  readonly #save: () => void;

  constructor(
    readonly model: Model,
    readonly onChange: () => void,
    signal: AbortSignal,
  ) {
    this.#save = throttle(() => this.#tell(), SAVE_MS, signal);
    onModel(model, "change:selection", () => this.#read(), signal);
    this.#read();
  }

  /** Marks between two places of the plot, in CSS pixels. */
  drag(from: Place, to: Place, panes: readonly Pane[], plot: HTMLElement, scene: Scene): void {
    const [start_s, end_s] = scene.view.span;
    const inside = (x: number) => Math.min(Math.max(timeAt(scene.view, x), start_s), end_s);
    const time_s = ordered(inside(from.x), inside(to.x));
    if (!time_s) return;
    const top = plot.getBoundingClientRect().top;
    let values = null;
    for (const pane of panes) {
      const box = pane.canvas.getBoundingClientRect();
      if (from.y < box.top - top || from.y >= box.bottom - top) continue;
      const offset = box.top - top;
      values = pane.valuesBetween(from.y - offset, to.y - offset, scene);
      this.#pane = pane.layer.name;
    }
    this.set({ time_s, values });
  }

  /** Marks from a time, or up to one. */
  mark(end: "start" | "end", time_s: number): void {
    const other = end === "start" ? this.selection?.time_s[1] : (this.selection?.time_s[0] ?? this.#from_s);
    if (end === "start") this.#from_s = time_s;
    if (typeof other !== "number") return;
    const fits = end === "start" ? time_s < other : time_s > other;
    if (fits) this.set({ time_s: end === "start" ? [time_s, other] : [other, time_s], values: null });
    else if (end === "start") this.set(null);
  }

  set(selection: Selection | null): void {
    this.selection = selection;
    if (!selection) this.#from_s = null;
    this.onChange();
    this.#save();
  }

  /** Where a start was marked that has no end yet. */
  get pending_s(): number | null {
    return this.selection ? null : this.#from_s;
  }

  words(panes: readonly Pane[]): string {
    return selectionWords(this.selection, this.#paneOf(panes)?.layer.y_unit ?? "");
  }

  draw(scene: Scene, panes: readonly Pane[], plot: HTMLElement, axis: HTMLElement): void {
    const { selection } = this;
    const top = plot.getBoundingClientRect().top;
    let box = { top: 0, height: axis.getBoundingClientRect().top - top };
    const pane = selection?.values ? this.#paneOf(panes) : null;
    if (pane && selection?.values) {
      const inner = pane.boxOf(selection.values, scene);
      box = { top: pane.canvas.getBoundingClientRect().top - top + inner.top, height: inner.height };
    }
    const unit = this.#paneOf(panes)?.layer.y_unit ?? "";
    this.box.draw(scene.view, selection, box, selection ? selectionLabel(selection, unit) : "");
  }

  #paneOf(panes: readonly Pane[]): Pane | null {
    const images = panes.filter((pane) => pane.layer.kind === "image");
    return images.find((pane) => pane.layer.name === this.#pane) ?? images[0] ?? null;
  }

  #read(): void {
    const selection = parseSelection(this.model.get("selection"));
    const same = JSON.stringify(selectionValue(selection)) === JSON.stringify(selectionValue(this.selection));
    if (same) return;
    this.selection = selection;
    this.onChange();
  }

  #tell(): void {
    this.model.set("selection", selectionValue(this.selection));
    this.model.save_changes();
  }
}
