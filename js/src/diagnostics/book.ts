// The table as this page knows it: whole once, then kept up to date by deltas; one per model, whatever shows it.

import { num, record } from "../guards";
import type { Model } from "../host";
import type { Hub } from "../hub";
import { commandRequest } from "../messages";
import { onAbort, onModel } from "../scope";
import { type DiagnosticGroup, type DiagnosticRow, merge, parseGroup, parseRow } from "./rows";

export const ASK_AGAIN_MS = 1000;
const WHOLE = -1;

export class Book {
  readonly groups = new Map<string, DiagnosticGroup>();
  readonly rows = new Map<string, DiagnosticRow>();
  readonly #handlers = new Set<() => void>();
  #number = WHOLE;
  #asked_ms = Number.NEGATIVE_INFINITY;

  constructor(
    readonly model: Model,
    readonly hub: Hub,
    signal: AbortSignal,
  ) {
    onModel(model, "change:delta", () => this.#take(), signal);
    this.#take();
  }

  onChange(handler: () => void, signal: AbortSignal): void {
    this.#handlers.add(handler);
    onAbort(signal, () => this.#handlers.delete(handler));
  }

  #take(): void {
    const delta = record(this.model.get("delta"));
    const from = num(delta.from, WHOLE);
    if (from === WHOLE) {
      this.groups.clear();
      this.rows.clear();
    } else if (from !== this.#number) {
      this.#resync();
      return;
    }
    this.#number = num(delta.to, WHOLE);
    merge(this.groups, delta.groups, parseGroup);
    merge(this.rows, delta.rows, parseRow);
    for (const handler of [...this.#handlers]) handler();
  }

  /** Something was missed on the way: a kernel that floods loses messages. */
  #resync(): void {
    const now_ms = performance.now();
    if (now_ms - this.#asked_ms < ASK_AGAIN_MS) return;
    this.#asked_ms = now_ms;
    this.hub.post(commandRequest(this.hub.nextId(), "resync", ""));
  }
}
