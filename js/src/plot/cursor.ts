// The read-out: a time under the pointer or moved by keys, or else that of the playhead, with the values of all panes.

import { formatTime } from "../format";
import { clamp } from "../guards";
import { formatBarBeat } from "../tempo";
import { Crosshair } from "./crosshair";
import type { Pane } from "./pane";
import type { Scene } from "./scene";
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

  get isIdle(): boolean {
    return this.#place === null;
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

  /** @param idle_s what is read out while nobody points: the playhead's time */
  draw(scene: Scene, panes: readonly Pane[], plot: HTMLElement, axis: HTMLElement, idle_s: number | null): void {
    const { view } = scene;
    const time_s = this.time(view);
    const pointer = this.#place && "x" in this.#place ? this.#place : null;
    const top = plot.getBoundingClientRect().top;
    let y: number | null = null;
    let value = "";
    for (const pane of panes) {
      const box = pane.canvas.getBoundingClientRect();
      const inside = pointer && pointer.y >= box.top - top && pointer.y < box.bottom - top;
      const local = inside ? pointer.y - (box.top - top) : null;
      pane.read(scene, time_s ?? (this.isIdle ? idle_s : null), local);
      if (local === null || !pointer) continue;
      y = pointer.y;
      value = pane.valueLabel(local, scene);
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
      time: timeWords(scene, time_s),
      value,
    });
  }
}

/** Seconds and, with a tempo, bar and beat. */
export function timeWords({ view, tempo, choices }: Scene, time_s: number): string {
  const seconds = formatTime(time_s, decimals(view));
  const musical = formatBarBeat(tempo.barBeat(time_s));
  return choices.timeAxis === "bars" ? `${musical} · ${seconds}` : `${seconds} · ${musical}`;
}

/** Milliseconds, and finer only where the screen can tell them apart. */
function decimals(view: View): number {
  return clamp(stepDecimals((view.span[1] - view.span[0]) / innerWidth(view)), 3, 6);
}
