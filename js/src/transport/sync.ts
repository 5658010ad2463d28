// What time it is in the kernel, as well as the way there and back lets one know.

import { finite, whole } from "../guards";
import type { Hub } from "../hub";
import { playheadRequest } from "../messages";
import { Timer } from "../scope";

const SOON_MS = 150;
const LATER_MS = 2000;
const QUICK_QUESTIONS = 6;
const KEPT = 20;

interface Answer {
  trip_s: number;
  /** Kernel's clock less the page's. */
  offset_s: number;
}

export class KernelClock {
  #answers: Answer[] = [];
  #asked = new Map<number, number>();
  #left = 0;
  readonly #timer: Timer;

  constructor(
    readonly hub: Hub,
    signal: AbortSignal,
  ) {
    this.#timer = new Timer(() => this.#ask(), signal);
    hub.onPlayhead((answer) => this.#hear(whole(answer.id, -1), finite(answer.clock_s)), signal);
  }

  /** The kernel's monotonic clock now, in seconds; null while it is not known. */
  now(): number | null {
    if (this.#answers.length === 0) return null;
    // The quickest answer says most: half of its trip is the most it can be wrong by.
    const best = this.#answers.reduce((a, b) => (b.trip_s < a.trip_s ? b : a));
    return performance.now() / 1000 + best.offset_s;
  }

  /** Asks a few times soon, then now and then, until `stop`. */
  start(): void {
    this.#left = QUICK_QUESTIONS;
    this.#ask();
  }

  stop(): void {
    this.#timer.clear();
    this.#asked.clear();
  }

  #ask(): void {
    const id = this.hub.nextId();
    this.#asked = new Map([...this.#asked].slice(-KEPT)).set(id, performance.now() / 1000);
    this.hub.post(playheadRequest(id, "sync", {}));
    this.#timer.set(this.#left-- > 0 ? SOON_MS : LATER_MS);
  }

  #hear(id: number, clock_s: number | null): void {
    const sent_s = this.#asked.get(id);
    if (sent_s === undefined || clock_s === null) return;
    this.#asked.delete(id);
    const trip_s = performance.now() / 1000 - sent_s;
    this.#answers = [...this.#answers.slice(1 - KEPT), { trip_s, offset_s: clock_s - sent_s - trip_s / 2 }];
  }
}
