// What lies over a pane that has nothing to draw: a word and, while something is coming, how far it is.

import { make, setHidden, setText } from "../dom";
import type { Progress } from "../progress";
import { ProgressBar } from "../status";
import type { Layer, LayerState } from "./layer";

const EMPTY_WORDS: Readonly<Record<LayerState, string>> = {
  missing: "Not computed yet",
  queued: "Queued…",
  running: "",
  failed: "Failed",
  stale: "Not up to date",
  fresh: "Nothing to show",
};

export class Cover {
  readonly element = make("div", "acn-overlay");
  readonly #text = make("p", "acn-overlay-text");
  readonly #bar = new ProgressBar();

  constructor() {
    this.element.append(this.#text, this.#bar.element);
  }

  update(layer: Layer): void {
    const { state, reason, text, buckets } = layer;
    setHidden(this.element, buckets > 0);
    const words = text || [EMPTY_WORDS[state], reason].filter(Boolean).join(": ");
    const said = state === "running" && !text ? "" : words;
    setText(this.#text, said);
    setHidden(this.#text, !said);
  }

  updateProgress(progress: Progress | null): void {
    this.#bar.update(progress);
  }
}
