// Which span of time is visible, how it moves, and how the kernel hears of it.

import type { Model } from "../host";
import { onModel, throttle } from "../scope";
import { reducedMotion } from "../theme";
import { clampSpan, panSpan, parseSpan, type Span, sameSpan, zoomSpan } from "./span";

const SAVE_MS = 50;
const ANIMATE_MS = 130;

export class Navigation {
  span: Span = [0, 1];
  duration_s = 1;
  /** +1 or -1: where the last movement went. */
  direction = 0;
  #shortest_s = 1e-3;
  /** What the trait holds, as far as this view has read or written it. */
  #saved: Span | null = null;
  #travel: { from: Span; to: Span; start_ms: number } | null = null;
  readonly #save: () => void;

  constructor(
    readonly model: Model,
    readonly onChange: () => void,
    signal: AbortSignal,
  ) {
    this.#save = throttle(() => this.#saveSpan(), SAVE_MS, signal);
    onModel(model, "change:span", () => this.#readSpan(), signal);
  }

  get isMoving(): boolean {
    return this.#travel !== null;
  }

  /** Where the view is, or where it is going. */
  get goal(): Span {
    return this.#travel?.to ?? this.span;
  }

  /** Sets the whole range of time; who saw everything goes on seeing everything. */
  setExtent(duration_s: number, shortest_s: number): void {
    const all = this.#saved !== null && this.span[0] <= 0 && this.span[1] >= this.duration_s;
    this.duration_s = duration_s;
    this.#shortest_s = shortest_s;
    if (this.#saved === null) this.#readSpan();
    else this.#show(all ? [0, duration_s] : this.span);
  }

  /** `factor` < 1 zooms in; `at_s` stays where it is. */
  zoom(factor: number, at_s: number, smooth: boolean): void {
    const from = smooth ? this.goal : this.span;
    this.#go(zoomSpan(from, factor, at_s, this.duration_s, this.#shortest_s), smooth);
  }

  pan(by_s: number, smooth: boolean): void {
    this.#go(panSpan(smooth ? this.goal : this.span, by_s, this.duration_s), smooth);
  }

  fit(): void {
    this.#go([0, this.duration_s], true);
  }

  /** Moves on towards the goal, to be called once per frame. */
  advance(now_ms: number): void {
    if (!this.#travel) return;
    const { from, to, start_ms } = this.#travel;
    const share = Math.min(1, Math.max(0, (now_ms - start_ms) / ANIMATE_MS));
    const eased = 1 - (1 - share) ** 2;
    if (share === 1) this.#travel = null;
    this.#show(share === 1 ? to : [from[0] + (to[0] - from[0]) * eased, from[1] + (to[1] - from[1]) * eased]);
  }

  #go(to: Span, smooth: boolean): void {
    if (smooth && !reducedMotion()) {
      this.#travel = { from: this.span, to, start_ms: performance.now() };
      this.onChange();
    } else {
      this.#travel = null;
      this.#show(to);
    }
  }

  #show(span: Span): void {
    const next = clampSpan(span, this.duration_s, this.#shortest_s);
    const shift = next[0] + next[1] - this.span[0] - this.span[1];
    if (shift !== 0) this.direction = Math.sign(shift);
    this.span = next;
    this.onChange();
    if (!this.#saved || !sameSpan(next, this.#saved)) this.#save();
  }

  #readSpan(): void {
    const span = parseSpan(this.model.get("span"));
    // Our own writing comes back as a change, too.
    if (span && this.#saved && sameSpan(span, this.#saved)) return;
    this.#travel = null;
    this.#saved = span ?? [0, this.duration_s];
    this.#show(this.#saved);
  }

  #saveSpan(): void {
    const { span } = this;
    if (this.#saved && sameSpan(span, this.#saved)) return;
    this.#saved = span;
    this.model.set("span", [span[0], span[1]]);
    this.model.save_changes();
  }
}
