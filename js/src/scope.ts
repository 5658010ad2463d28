// Everything a view starts is tied to its AbortSignal here: when the signal aborts, nothing of it is left.

import type { Callback, Model } from "./host";

export function onAbort(signal: AbortSignal, cleanup: () => void): void {
  if (signal.aborted) cleanup();
  else signal.addEventListener("abort", cleanup, { once: true });
}

export function onModel(model: Model, event: string, callback: Callback, signal: AbortSignal): void {
  if (signal.aborted) return;
  model.on(event, callback);
  onAbort(signal, () => model.off(event, callback));
}

export function listen<E extends Event>(
  target: EventTarget,
  type: string,
  callback: (event: E) => void,
  signal: AbortSignal,
  options: AddEventListenerOptions = {},
): void {
  target.addEventListener(type, callback as EventListener, { ...options, signal });
}

/** One timer that can be set again and again; it never fires after the abort. */
export class Timer {
  #handle: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly callback: () => void,
    readonly signal: AbortSignal,
  ) {
    onAbort(signal, () => this.clear());
  }

  get pending(): boolean {
    return this.#handle !== undefined;
  }

  set(delay_ms: number): void {
    this.clear();
    if (this.signal.aborted) return;
    this.#handle = setTimeout(() => {
      this.#handle = undefined;
      this.callback();
    }, delay_ms);
  }

  clear(): void {
    clearTimeout(this.#handle);
    this.#handle = undefined;
  }
}

/** Coalesces any number of requests into one call per animation frame. */
export class FrameLoop {
  #handle: number | undefined;

  constructor(
    readonly callback: (now_ms: number) => void,
    readonly signal: AbortSignal,
  ) {
    onAbort(signal, () => {
      if (this.#handle !== undefined) cancelAnimationFrame(this.#handle);
      this.#handle = undefined;
    });
  }

  request(): void {
    if (this.#handle !== undefined || this.signal.aborted) return;
    this.#handle = requestAnimationFrame((now_ms) => {
      this.#handle = undefined;
      this.callback(now_ms);
    });
  }
}

/** Calls at once, then at most once per interval; the last call is never lost. */
export function throttle(callback: () => void, interval_ms: number, signal: AbortSignal): () => void {
  let last_ms = Number.NEGATIVE_INFINITY;
  const run = () => {
    last_ms = performance.now();
    callback();
  };
  const timer = new Timer(run, signal);
  return () => {
    if (timer.pending || signal.aborted) return;
    const wait_ms = last_ms + interval_ms - performance.now();
    if (wait_ms <= 0) run();
    else timer.set(wait_ms);
  };
}
