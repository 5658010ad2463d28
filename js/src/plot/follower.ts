// Playhead and read-outs, which move without any data being drawn again.

import type { Playhead } from "../playhead";
import { reducedMotion } from "../theme";
import type { Cursor } from "./cursor";
import type { Marker } from "./marker";
import type { Navigation } from "./navigation";
import type { Pane } from "./pane";
import type { Scene } from "./scene";

const READ_MS = 100;

export class Follower {
  #read_ms = 0;
  #wasInside = false;

  constructor(
    readonly playhead: Playhead | null,
    readonly marker: Marker,
    readonly cursor: Cursor,
    readonly navigation: Navigation,
  ) {}

  /** @returns whether the playhead moves by itself, so that there is more to draw */
  draw(scene: Scene, panes: readonly Pane[], plot: HTMLElement, axis: HTMLElement, now_ms: number): boolean {
    const time_s = this.playhead?.now() ?? null;
    const moving = this.playhead?.moving ?? false;
    if (time_s !== null) {
      this.marker.draw(scene.view, time_s, scene.choices.timeAxis, scene.tempo);
      this.#turn(time_s, moving);
    }
    // Numbers that change sixty times a second cannot be read.
    if (this.cursor.isIdle && moving && now_ms - this.#read_ms < READ_MS) return moving;
    this.#read_ms = now_ms;
    const [t0_s, t1_s] = scene.view.span;
    const idle_s = time_s !== null && time_s >= t0_s && time_s <= t1_s ? time_s : null;
    this.cursor.draw(scene, panes, plot, axis, idle_s);
    return moving;
  }

  /** The view turns the page when the playhead that was in it leaves over its right edge. */
  #turn(time_s: number, moving: boolean): void {
    const [t0_s, t1_s] = this.navigation.span;
    const inside = time_s >= t0_s && time_s <= t1_s;
    if (moving && this.#wasInside && time_s > t1_s && time_s < t1_s + 0.5 * (t1_s - t0_s) && !reducedMotion()) {
      this.navigation.pan(time_s - t0_s, false);
    }
    this.#wasInside = inside;
  }
}
