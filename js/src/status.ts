// The status of a source, as badge, panel and plot show it.

import { make, setAttribute, setHidden, setText } from "./dom";
import { finite, type Json, num, text } from "./guards";
import { stateIcon } from "./icons";
import { type Progress, progressDetail, progressLabel } from "./progress";

export type StatusState = "idle" | "pending" | "ready" | "failed" | "stale";

export interface Status {
  name: string;
  state: StatusState;
  text: string;
  message: string;
  progress: Progress;
}

const WORDS: ReadonlyMap<string, string> = new Map([
  ["ready", "Analysed"],
  ["pending", "Analysing…"],
  ["failed", "Failed"],
  ["stale", "Stale"],
  ["idle", "Not analysed"],
]);

export function parseProgress(value: Json): Progress {
  const share = finite(value.value);
  const label = text(value.label);
  const known = share === null ? null : Math.min(Math.max(share, 0), 1);
  const eta_s = num(value.eta_s, -1);
  return { value: known, label: progressLabel(known, label), eta_s: eta_s < 0 ? null : eta_s };
}

export function parseStatus(value: Json): Status {
  const state = (WORDS.has(text(value.state)) ? value.state : "idle") as StatusState;
  return {
    name: text(value.name),
    state,
    text: text(value.text) || (WORDS.get(state) ?? ""),
    message: text(value.message),
    progress: parseProgress({ ...value, value: value.progress }),
  };
}

/** The status in one sentence, for ears. */
export function sentence({ name, state, text: word, message, progress }: Status): string {
  const parts = [name ? `${name}: ${word}` : word];
  if (message) parts.push(message);
  if (state === "pending") parts.push([progress.label, progressDetail(progress)].filter(Boolean).join(" "));
  return parts.map((part) => part.replace(/[.\s]+$/, "")).join(". ");
}

/** A word with a shape beside it, in the colour of its state. */
export class Pill {
  readonly element = make("span", "acn-pill");
  readonly #word = make("span");
  #state = "";

  update(state: string, word: string): void {
    if (state !== this.#state) {
      this.#state = state;
      this.element.dataset.state = state;
      this.element.replaceChildren(stateIcon(state), this.#word);
    }
    setText(this.#word, word);
  }
}

/** Bar, label, percentage and time left; invisible unless something is running. */
export class ProgressBar {
  readonly element = make("div", "acn-progress");
  readonly #bar = make("div", "acn-bar", { role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" });
  readonly #fill = make("div", "acn-bar-fill");
  readonly #label = make("span", "acn-progress-label");
  readonly #detail = make("span", "acn-progress-detail");

  constructor() {
    this.#bar.append(this.#fill);
    this.element.append(this.#bar, make("div", "acn-progress-text", {}, this.#label, this.#detail));
    this.element.hidden = true;
  }

  update(progress: Progress | null): void {
    setHidden(this.element, progress === null);
    if (!progress) return;
    const { value } = progress;
    const percent = value === null ? null : String(Math.round(value * 100));
    setAttribute(this.#bar, "aria-valuenow", percent);
    setAttribute(this.#bar, "aria-label", progress.label);
    this.#bar.classList.toggle("acn-bar-unknown", value === null);
    this.#fill.style.width = value === null ? "" : `${(value * 100).toFixed(1)}%`;
    setText(this.#label, progress.label);
    setText(this.#detail, progressDetail(progress));
  }
}
