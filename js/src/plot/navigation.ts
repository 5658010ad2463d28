// Which span of time is visible, how it moves, and how the kernel and linked plots hear of it.

import type { Model } from "../host";
import { onAbort, onModel, throttle } from "../scope";
import { reducedMotion } from "../theme";
import { type Group, groupOf, type Member } from "./link";
import { clampSpan, panSpan, parseSpan, type Span, sameSpan, zoomSpan } from "./span";

const SAVE_MS = 50;
const ANIMATE_MS = 130;

export class Navigation implements Member {
  span: Span = [0, 1];
  /** From where to where this plot has something; together with those it is linked to there may be more. */
  extent: Span = [0, 1];
  /** +1 or -1: where the last movement went. */
  direction = 0;
  #shortest_s = 1e-3;
  #group: Group | null = null;
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
    onAbort(signal, () => this.#group?.leave(this));
  }

  get isMoving(): boolean {
    return this.#travel !== null;
  }

  /** Where the view is, or where it is going. */
  get goal(): Span {
    return this.#travel?.to ?? this.span;
  }

  /** All that can be shown. */
  get whole(): Span {
    return this.#group?.extent() ?? this.extent;
  }

  /** Sets the whole range of time; who saw everything goes on seeing everything. */
  setExtent(extent: Span, shortest_s: number): void {
    const all = this.#seesAll();
    this.extent = extent;
    this.#shortest_s = shortest_s;
    if (this.#saved === null) this.#readSpan();
    else this.#show(all ? this.whole : this.span);
    this.#group?.stretch(this);
  }

  /** Moves together with the others of a group, or alone with an empty name. */
  setLink(name: string): void {
    const group = name ? groupOf(name) : null;
    if (group === this.#group) return;
    this.#group?.leave(this);
    this.#group = group;
    if (!group) {
      this.#show(this.span);
      return;
    }
    group.join(this);
    // Who comes later goes where the others are.
    if (group.span) this.follow(group.span);
    else group.span = this.span;
  }

  /** `factor` < 1 zooms in; `at_s` stays where it is. */
  zoom(factor: number, at_s: number, smooth: boolean): void {
    const from = smooth ? this.goal : this.span;
    this.#go(zoomSpan(from, factor, at_s, this.whole, this.#shortest_s), smooth);
  }

  pan(by_s: number, smooth: boolean): void {
    this.#go(panSpan(smooth ? this.goal : this.span, by_s, this.whole), smooth);
  }

  show(span: Span): void {
    this.#go(clampSpan(span, this.whole, this.#shortest_s), true);
  }

  fit(): void {
    this.#go(this.whole, true);
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

  // ---- of a group

  follow(span: Span): void {
    this.#travel = null;
    this.#place(span);
  }

  stretch(): void {
    this.onChange();
  }

  // ---- inside

  #seesAll(): boolean {
    const [start_s, end_s] = this.whole;
    return this.#saved !== null && this.span[0] <= start_s && this.span[1] >= end_s;
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
    const next = clampSpan(span, this.whole, this.#shortest_s);
    this.#place(next);
    this.#group?.move(this, next);
  }

  #place(next: Span): void {
    if (this.#saved && next[0] === this.span[0] && next[1] === this.span[1] && sameSpan(next, this.#saved)) return;
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
    this.#saved = span ?? this.whole;
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
