// What wheel, pointer, keys and tools make a plot do.

import { formatTime } from "../format";
import { clamp } from "../guards";
import type { Playhead } from "../playhead";
import type { Cursor } from "./cursor";
import type { Commands, Place } from "./input";
import type { Navigation } from "./navigation";
import type { Pane } from "./pane";
import type { Scene } from "./scene";
import type { Selector } from "./selector";
import { innerWidth, timeAt } from "./view";

/** The parts of a plot that commands move. */
export interface Moved {
  navigation: Navigation;
  cursor: Cursor;
  selector: Selector;
  playhead: Playhead | null;
  scene: Scene;
  plot: HTMLElement;
  panes(): Pane[];
  say(words: string): void;
  redraw(): void;
  /** Has the read-out spoken soon, also if the view stays where it is. */
  settle(): void;
}

export class PlotCommands implements Commands {
  /** Whether the last movement came from the keys: then it is spoken, too. */
  byKey = false;

  constructor(readonly of: Moved) {}

  zoom(factor: number, x: number | null): void {
    const { navigation, cursor, scene } = this.of;
    this.byKey = x === null;
    if (x !== null) {
      navigation.zoom(factor, timeAt(scene.view, x), false);
      return;
    }
    const [t0_s, t1_s] = navigation.goal;
    const key_s = cursor.keyTime_s ?? Number.NaN;
    navigation.zoom(factor, key_s >= t0_s && key_s <= t1_s ? key_s : (t0_s + t1_s) / 2, true);
  }

  pan(share: number): void {
    const [t0_s, t1_s] = this.of.navigation.goal;
    this.byKey = true;
    this.of.navigation.pan(share * (t1_s - t0_s), true);
  }

  drag(by_px: number): void {
    const { navigation, scene } = this.of;
    const [t0_s, t1_s] = navigation.span;
    this.byKey = false;
    navigation.pan((-by_px / innerWidth(scene.view)) * (t1_s - t0_s), false);
  }

  go(to: "start" | "end"): void {
    const [start_s, end_s] = this.of.navigation.whole;
    this.byKey = true;
    this.of.navigation.pan(to === "start" ? start_s - end_s : end_s - start_s, true);
  }

  fit(): void {
    this.byKey = true;
    this.of.navigation.fit();
  }

  hover(at: Place | null): void {
    this.of.cursor.put(at);
    this.of.redraw();
  }

  step(share: number): void {
    const { navigation, cursor } = this.of;
    const [t0_s, t1_s] = navigation.span;
    const [start_s, end_s] = navigation.whole;
    const time_s = clamp(this.here() + share * (t1_s - t0_s), start_s, end_s);
    cursor.put({ time_s });
    this.byKey = true;
    // The view follows the cursor over its edge.
    navigation.pan(Math.min(0, time_s - t0_s) + Math.max(0, time_s - t1_s), false);
    this.of.redraw();
    this.of.settle();
  }

  leave(): void {
    this.hover(null);
    this.of.plot.blur();
  }

  // ---- marking

  get selecting(): boolean {
    return this.of.selector.active;
  }

  select(from: Place, to: Place, done: boolean): void {
    const { selector, plot, scene } = this.of;
    selector.drag(from, to, this.of.panes(), plot, scene);
    if (done) this.#saySelection();
  }

  mark(end: "start" | "end"): void {
    const { selector } = this.of;
    selector.mark(end, this.here());
    if (selector.pending_s === null) this.#saySelection();
    else this.of.say(`Selection starts at ${formatTime(selector.pending_s)}.`);
  }

  clearSelection(): void {
    this.of.selector.set(null);
    this.#saySelection();
  }

  zoomToSelection(): void {
    const span = this.of.selector.selection?.time_s;
    if (!span) return;
    this.byKey = true;
    this.of.navigation.show(span);
  }

  #saySelection(): void {
    this.of.say(this.of.selector.words(this.of.panes()));
  }

  // ---- the playhead

  click(x: number): void {
    const { view } = this.of.scene;
    if (x >= view.left && x <= view.left + innerWidth(view)) this.of.playhead?.seek(timeAt(view, x));
  }

  seekHere(): void {
    this.of.playhead?.seek(this.here());
  }

  togglePlaying(): void {
    this.of.playhead?.toggle();
  }

  /** The time that keys act on: the read-out's, or the playhead's if it was moved into view, or the middle. */
  here(): number {
    const { cursor, navigation, playhead, scene } = this.of;
    const [t0_s, t1_s] = navigation.span;
    const playhead_s = playhead?.now() ?? Number.NaN;
    const other_s = playhead_s > t0_s && playhead_s <= t1_s ? playhead_s : (t0_s + t1_s) / 2;
    return cursor.time(scene.view) ?? other_s;
  }
}
