// The playhead over the panes: one element, moved at display rate without drawing any data again.

import { make, setHidden, setText } from "../dom";
import { formatTime } from "../format";
import { formatBarBeat, type TempoMap } from "../tempo";
import type { TimeAxis } from "./grid";
import { innerWidth, type View, xOf } from "./view";

export class Marker {
  readonly element = make("div", "acn-playhead", { "aria-hidden": "true" });
  readonly #line = make("div", "acn-playhead-line");
  readonly #label = make("div", "acn-playhead-label");

  constructor() {
    this.element.append(this.#line, this.#label);
    this.element.hidden = true;
  }

  hide(): void {
    setHidden(this.element, true);
  }

  draw(view: View, time_s: number, axis: TimeAxis, tempo: TempoMap): void {
    const x = xOf(view, time_s);
    const inside = x >= view.left - 0.5 && x <= view.left + innerWidth(view) + 0.5;
    setHidden(this.element, !inside);
    if (!inside) return;
    this.#line.style.transform = `translateX(${x.toFixed(2)}px)`;
    setText(this.#label, axis === "bars" ? formatBarBeat(tempo.barBeat(time_s)) : formatTime(time_s, 1));
    this.#label.style.transform = `translateX(clamp(0px, calc(${x.toFixed(1)}px - 50%), calc(${view.width}px - 100%)))`;
  }
}
