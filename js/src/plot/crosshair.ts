// The crosshair: four small elements moved over the panes, so that hovering never redraws any data.

import { make, setText } from "../dom";

export class Crosshair {
  readonly element = make("div", "acn-crosshair", { "aria-hidden": "true" });
  readonly #vertical = make("div", "acn-cross-v");
  readonly #horizontal = make("div", "acn-cross-h");
  readonly #time = make("div", "acn-cross-label");
  readonly #value = make("div", "acn-cross-label acn-cross-value");

  constructor() {
    this.element.append(this.#vertical, this.#horizontal, this.#time, this.#value);
    this.hide();
  }

  hide(): void {
    this.element.hidden = true;
  }

  /**
   * All in CSS pixels of the plot.
   *
   * @param y null if no pane is under the pointer
   */
  show(at: {
    x: number;
    y: number | null;
    left: number;
    right: number;
    axisTop: number;
    time: string;
    value: string;
  }): void {
    this.element.hidden = false;
    const x = Math.round(at.x);
    this.#vertical.style.transform = `translateX(${x}px)`;
    this.#vertical.style.height = `${at.axisTop}px`;
    setText(this.#time, at.time);
    // Kept inside the plot, half its width to either side of the line.
    this.#time.style.transform = `translate(clamp(0px, calc(${x}px - 50%), calc(${at.right}px - 100%)), ${at.axisTop + 5}px)`;
    const hidden = at.y === null || !at.value;
    this.#horizontal.hidden = hidden;
    this.#value.hidden = hidden;
    if (hidden || at.y === null) return;
    const y = Math.round(at.y);
    this.#horizontal.style.left = `${at.left}px`;
    this.#horizontal.style.right = `calc(100% - ${at.right}px)`;
    this.#horizontal.style.transform = `translateY(${y}px)`;
    setText(this.#value, at.value);
    this.#value.style.transform = `translate(max(0px, calc(${at.left - 2}px - 100%)), calc(${y}px - 50%))`;
  }
}
