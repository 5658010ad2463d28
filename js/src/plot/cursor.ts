// The read-out: a time under the pointer or moved by keys, with the values of all panes there.

import { formatTime } from "../format";
import { clamp } from "../guards";
import { Crosshair } from "./crosshair";
import type { Pane } from "./pane";
import { stepDecimals } from "./ticks";
import { innerWidth, timeAt, type View, xOf } from "./view";

type Place = { x: number; y: number } | { time_s: number };

export class Cursor {
  readonly #crosshair = new Crosshair();
  #place: Place | null = null;

  get element(): HTMLElement {
    return this.#crosshair.element;
  }

  /** The time the keys have moved it to, or null if the pointer leads or nobody does. */
  get keyTime_s(): number | null {
    return this.#place && "time_s" in this.#place ? this.#place.time_s : null;
  }

  put(place: Place | null): void {
    this.#place = place;
  }

  /** Its time, or null if there is none in sight. */
  time(view: View): number | null {
    if (!this.#place) return null;
    const time_s = "time_s" in this.#place ? this.#place.time_s : timeAt(view, this.#place.x);
    const [t0_s, t1_s] = view.span;
    return time_s >= t0_s && time_s <= t1_s ? time_s : null;
  }

  draw(view: View, panes: readonly Pane[], plot: HTMLElement, axis: HTMLElement, log: boolean): void {
    const time_s = this.time(view);
    const pointer = this.#place && "x" in this.#place ? this.#place : null;
    const top = plot.getBoundingClientRect().top;
    let y: number | null = null;
    let value = "";
    for (const pane of panes) {
      const box = pane.canvas.getBoundingClientRect();
      const inside = pointer && pointer.y >= box.top - top && pointer.y < box.bottom - top;
      const local = inside ? pointer.y - (box.top - top) : null;
      pane.read(view, time_s, local, log);
      if (local === null || !pointer) continue;
      y = pointer.y;
      value = pane.valueLabel(local, log);
    }
    if (time_s === null || panes.length === 0) {
      this.#crosshair.hide();
      return;
    }
    this.#crosshair.show({
      x: xOf(view, time_s),
      y,
      left: view.left,
      right: view.width - view.right,
      axisTop: axis.getBoundingClientRect().top - top,
      time: formatTime(time_s, decimals(view)),
      value,
    });
  }
}

/** Milliseconds, and finer only where the screen can tell them apart. */
function decimals(view: View): number {
  return clamp(stepDecimals((view.span[1] - view.span[0]) / innerWidth(view)), 3, 6);
}
