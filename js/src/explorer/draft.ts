// Settings on their way to the kernel: sent when the hand rests, one at a time, the latest wins.

import { isRecord, text } from "../guards";
import type { Hub } from "../hub";
import { exploreRequest } from "../messages";
import { ANSWER_MS } from "../panel/actions";
import { Timer } from "../scope";
import type { Value } from "./controls";

export const REST_MS = 200;

export interface Settings {
  calculator: string;
  params: Record<string, Value>;
  profile: Record<string, Value>;
}

export class Draft {
  #next: Settings | null = null;
  #inFlight = -1;
  readonly #rest: Timer;
  readonly #patience: Timer;

  constructor(
    readonly hub: Hub,
    /** What was wrong, and with which parameter; empty texts if nothing was. */
    readonly answered: (message: string, parameter: string) => void,
    signal: AbortSignal,
  ) {
    this.#rest = new Timer(() => this.#send(), signal);
    this.#patience = new Timer(() => this.#finish("No answer yet: the kernel may be busy or gone.", ""), signal);
    hub.onReply((reply, content) => {
      if (reply.id !== this.#inFlight) return;
      const refused = reply.kind === "refused";
      this.#finish(refused ? reply.message : "", refused && isRecord(content) ? text(content.parameter) : "");
    }, signal);
  }

  /** Whether the kernel has not heard or answered everything yet. */
  get pending(): boolean {
    return this.#next !== null || this.#inFlight >= 0;
  }

  set(settings: Settings, rest_ms = REST_MS): void {
    this.#next = settings;
    this.#rest.set(rest_ms);
  }

  #send(): void {
    if (this.#inFlight >= 0 || this.#next === null) return;
    const { calculator, params, profile } = this.#next;
    this.#next = null;
    this.#inFlight = this.hub.nextId();
    if (!this.hub.post(exploreRequest(this.#inFlight, calculator, params, profile))) {
      this.#finish("The kernel is not connected.", "");
      return;
    }
    if (this.#inFlight >= 0) this.#patience.set(ANSWER_MS);
  }

  #finish(message: string, parameter: string): void {
    this.#inFlight = -1;
    this.#patience.clear();
    if (this.#next !== null) {
      if (!this.#rest.pending) this.#send();
    } else this.answered(message, parameter);
  }
}
