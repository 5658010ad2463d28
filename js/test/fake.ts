// Stand-ins for what a notebook provides: a model, a kernel that answers, and books on what is left over.

import type { Callback, Model } from "../src/host";
import { VIEWS, type View } from "./views";

type Traits = Record<string, unknown>;

export interface Sent {
  kind: string;
  id: number;
  layer: string;
  level: number;
  index: number;
  revision: number;
  verb: string;
  track_id: string;
  slots?: string[];
}

export class FakeModel implements Model {
  readonly sent: Sent[] = [];
  saves = 0;
  connected = true;
  answer: ((message: Sent) => void) | undefined;
  readonly #handlers = new Map<string, Set<Callback>>();

  constructor(readonly traits: Traits) {}

  get listeners(): number {
    return [...this.#handlers.values()].reduce((sum, set) => sum + set.size, 0);
  }

  get(name: string): unknown {
    return this.traits[name];
  }

  set(name: string, value: unknown): void {
    this.traits[name] = value;
    this.emit(`change:${name}`);
  }

  save_changes(): void {
    this.saves++;
  }

  send(content: unknown): void {
    if (!this.connected) throw new Error("comm closed");
    this.sent.push(content as Sent);
    this.answer?.(content as Sent);
  }

  on(event: string, callback: Callback): void {
    const set = this.#handlers.get(event) ?? new Set();
    this.#handlers.set(event, set.add(callback));
  }

  off(event: string, callback: Callback): void {
    this.#handlers.get(event)?.delete(callback);
  }

  emit(event: string, ...args: unknown[]): void {
    for (const callback of [...(this.#handlers.get(event) ?? [])]) callback(...args);
  }

  /** A message from the kernel. */
  message(content: unknown, ...buffers: unknown[]): void {
    this.emit("msg:custom", content, buffers);
  }

  tiles(): Sent[] {
    return this.sent.filter((message) => message.kind === "tile");
  }
}

export interface Mounted {
  model: FakeModel;
  el: HTMLElement;
  controller: AbortController;
  find<T extends HTMLElement = HTMLElement>(selector: string): T;
  all<T extends HTMLElement = HTMLElement>(selector: string): T[];
}

/** Initialises and renders a widget as a host does. */
export function mount(traits: Traits, prepare?: (model: FakeModel) => void): Mounted {
  const model = new FakeModel(traits);
  prepare?.(model);
  const controller = new AbortController();
  const { initialize, render } = VIEWS[traits.view as View]();
  initialize({ model, signal: controller.signal });
  const el = document.createElement("div");
  document.body.append(el);
  render({ model, el, signal: controller.signal });
  return {
    model,
    el,
    controller,
    find: <T extends HTMLElement>(selector: string) => {
      const found = el.querySelector<T>(selector);
      if (!found) throw new Error(`nothing matches ${selector}`);
      return found;
    },
    all: <T extends HTMLElement>(selector: string) => [...el.querySelectorAll<T>(selector)],
  };
}

/** Counts listeners on the page that nobody has taken away yet. */
export class ListenerBook {
  readonly #live = new Map<string, EventTarget>();
  readonly #undo: (() => void)[] = [];
  #count = 0;

  constructor(targets: readonly EventTarget[]) {
    for (const target of targets) {
      const { addEventListener, removeEventListener } = target;
      const keys = new Map<unknown, string>();
      target.addEventListener = (type: string, callback: EventListener, options?: AddEventListenerOptions) => {
        const key = `${type} ${this.#count++}`;
        keys.set(callback, key);
        this.#live.set(key, target);
        options?.signal?.addEventListener("abort", () => this.#live.delete(key));
        addEventListener.call(target, type, callback, options);
      };
      target.removeEventListener = (type: string, callback: EventListener, options?: EventListenerOptions) => {
        this.#live.delete(keys.get(callback) ?? "");
        removeEventListener.call(target, type, callback, options);
      };
      this.#undo.push(() => Object.assign(target, { addEventListener, removeEventListener }));
    }
  }

  get live(): string[] {
    return [...this.#live.keys()];
  }

  close(): void {
    for (const undo of this.#undo) undo();
  }
}

/** Observers of one class that still observe. */
export function observerBook(name: "ResizeObserver" | "MutationObserver") {
  const live = new Set<object>();
  const Original = globalThis[name] as new (
    callback: never,
  ) => { observe(...args: unknown[]): void; disconnect(): void };
  const Counting = class extends Original {
    override observe(...args: unknown[]): void {
      live.add(this);
      super.observe(...args);
    }
    override disconnect(): void {
      live.delete(this);
      super.disconnect();
    }
  };
  Object.assign(globalThis, { [name]: Counting });
  return { live, close: () => Object.assign(globalThis, { [name]: Original }) };
}

/** Gives every element a width, which a page without layout lacks. */
export function withWidth(width: number): void {
  Object.defineProperty(HTMLElement.prototype, "clientWidth", { configurable: true, get: () => width });
}

export function layer(overrides: Traits = {}): Traits {
  return {
    name: "waveform",
    kind: "minmax",
    label: "Waveform",
    unit: "",
    state: "fresh",
    reason: "",
    revision: 1,
    channels: ["L", "R"],
    t0_s: 0,
    hop_s: 0.001,
    buckets: 100_000,
    factor: 4,
    levels: 4,
    tile_buckets: 2048,
    rows: 1,
    value_min: -1,
    value_max: 1,
    y_min: 0,
    y_max: 1,
    y_unit: "",
    aligned: "start",
    ...overrides,
  };
}

export function imageLayer(overrides: Traits = {}): Traits {
  return layer({
    name: "spectrogram",
    kind: "image",
    label: "Spectrogram",
    unit: "dB",
    channels: [],
    hop_s: 0.01,
    buckets: 10_000,
    factor: 2,
    levels: 7,
    tile_buckets: 256,
    rows: 5,
    value_min: -80,
    value_max: 0,
    y_min: 0,
    y_max: 20_000,
    y_unit: "Hz",
    aligned: "center",
    ...overrides,
  });
}

export function plotTraits(overrides: Traits = {}): Traits {
  return {
    view: "plot",
    title: "loop.wav",
    duration_s: 100,
    span: [0, 100],
    status: { state: "ready", text: "Analysed", message: "" },
    layers: [layer(), imageLayer()],
    ...overrides,
  };
}

/** A kernel's answer to a tile request: `value` (0..1 of the range) everywhere. */
export function replyTile(model: FakeModel, message: Sent, value = 0.5): void {
  const described = (model.traits.layers as Traits[]).find((item) => item.name === message.layer);
  if (message.kind !== "tile" || !described) return;
  const total = Math.ceil(Number(described.buckets) / Number(described.factor) ** message.level);
  const start = message.index * Number(described.tile_buckets);
  const buckets = Math.min(Number(described.tile_buckets), total - start);
  const image = described.kind === "image";
  const shape = image
    ? [buckets, Number(described.rows)]
    : [buckets, Math.max(1, (described.channels as string[]).length), 2];
  const count = shape.reduce((a, b) => a * b);
  const data = image ? new Uint8Array(count).fill(Math.round(value * 255)) : new Float32Array(count).fill(value);
  const { id, layer: name, level, index, revision } = message;
  const dtype = image ? "uint8" : "float32";
  const header = { kind: "tile", id, layer: name, level, index, revision, dtype, shape, start_bucket: start };
  model.message(header, new DataView(data.buffer));
}

/** A kernel that answers every tile request at once. */
export function answerTiles(model: FakeModel, value = 0.5): void {
  model.answer = (message) => replyTile(model, message, value);
}
