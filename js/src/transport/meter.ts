// A level meter, left above right; falls slowly, as meters do.

import { make, setAttribute } from "../dom";
import { formatNumber } from "../format";
import { clamp } from "../guards";
import { FLOOR_DB, type Level } from "./mixer";

const FALL_DB = 1.5;
const HOT_DB = -1;
const SPEAK_FRAMES = 15;

export class LevelMeter {
  readonly element = make("div", "acn-meter", {
    role: "meter",
    "aria-label": "Level",
    "aria-valuemin": String(FLOOR_DB),
    "aria-valuemax": "0",
    "aria-valuenow": String(FLOOR_DB),
    "aria-valuetext": "silent",
  });
  readonly #bars = [0, 1].map(() => make("div", "acn-meter-bar"));
  readonly #shown = [FLOOR_DB, FLOOR_DB];
  #frame = 0;

  constructor() {
    for (const bar of this.#bars) this.element.append(make("div", "acn-meter-row", {}, bar));
  }

  /** Whether it still has to fall. */
  get falls(): boolean {
    return this.#shown.some((level_db) => level_db > FLOOR_DB);
  }

  draw(levels: readonly Level[] | null): void {
    this.#bars.forEach((bar, channel) => {
      const peak_db = levels?.[channel]?.peak_db ?? FLOOR_DB;
      const shown_db = Math.max(peak_db, this.#shown[channel] - FALL_DB, FLOOR_DB);
      this.#shown[channel] = shown_db;
      bar.style.transform = `scaleX(${clamp(1 - shown_db / FLOOR_DB, 0, 1).toFixed(3)})`;
      bar.classList.toggle("acn-hot", peak_db > HOT_DB);
    });
    if (this.#frame++ % SPEAK_FRAMES !== 0 && this.falls) return;
    const loudest = Math.max(...this.#shown);
    setAttribute(this.element, "aria-valuenow", loudest.toFixed(0));
    setAttribute(this.element, "aria-valuetext", loudest > FLOOR_DB ? `${formatNumber(loudest, 0)} dB` : "silent");
  }
}
