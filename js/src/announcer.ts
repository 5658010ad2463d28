// Speaks to screen readers, at most once a second however often it is told something.

import { make, setText } from "./dom";
import { throttle } from "./scope";

export const ANNOUNCE_MS = 1000;

export class Announcer {
  #text = "";
  readonly #speak: () => void;

  constructor(
    readonly element: HTMLElement,
    signal: AbortSignal,
  ) {
    this.#speak = throttle(() => setText(element, this.#text), ANNOUNCE_MS, signal);
  }

  /** A visually hidden live region of its own. */
  static region(signal: AbortSignal): Announcer {
    return new Announcer(make("div", "acn-ears", { role: "status", "aria-live": "polite" }), signal);
  }

  say(text: string): void {
    if (text === this.#text) return;
    this.#text = text;
    this.#speak();
  }
}
