// Clicks on their way: sent with an id, busy until the kernel has answered.

import type { Hub } from "../hub";
import { actionRequest, commandRequest, type Verb } from "../messages";
import { Timer } from "../scope";

export const ANSWER_MS = 15_000;

interface Pending {
  track_id: string;
  key: string;
  timer: Timer;
}

export interface Outcome {
  track_id: string;
  kind: "sent" | "done" | "refused" | "silent";
  message: string;
}

export class Actions {
  readonly #pending = new Map<number, Pending>();

  constructor(
    readonly hub: Hub,
    readonly signal: AbortSignal,
    readonly onChange: (outcome: Outcome) => void,
  ) {
    hub.onReply(({ id, kind, message }) => this.#finish(id, kind, message), signal);
  }

  isBusy(key: string): boolean {
    for (const pending of this.#pending.values()) if (pending.key === key) return true;
    return false;
  }

  send(key: string, verb: Verb, track_id: string, slots?: readonly string[]): void {
    this.#post(key, track_id, (id) => actionRequest(id, verb, track_id, slots));
  }

  /** As `send`, for the verbs of diagnostics. */
  command(key: string, verb: string, target: string, rows?: readonly string[]): void {
    this.#post(key, target, (id) => commandRequest(id, verb, target, rows));
  }

  #post(key: string, track_id: string, request: (id: number) => object): void {
    if (this.isBusy(key)) return;
    const id = this.hub.nextId();
    const timer = new Timer(
      () => this.#finish(id, "silent", "No answer yet: the kernel may be busy or gone."),
      this.signal,
    );
    this.#pending.set(id, { track_id, key, timer });
    timer.set(ANSWER_MS);
    if (!this.hub.post(request(id))) {
      this.#finish(id, "refused", "The kernel is not connected.");
      return;
    }
    if (this.#pending.has(id)) this.onChange({ track_id, kind: "sent", message: "" });
  }

  #finish(id: number, kind: Outcome["kind"], message: string): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    pending.timer.clear();
    this.#pending.delete(id);
    const words = message || (kind === "refused" ? "The kernel refused the request." : "");
    this.onChange({ track_id: pending.track_id, kind, message: words });
  }
}
