// FeaturePlot: layers of a source stacked over one time axis.

import { Announcer } from "../announcer";
import { freshId, KeyedList, make, setHidden, setText } from "../dom";
import { formatTime } from "../format";
import { num, record, text } from "../guards";
import type { Model } from "../host";
import { FrameLoop, onAbort, onModel, Timer, throttle } from "../scope";
import { Pill, ProgressBar, parseStatus, type Status } from "../status";
import { reducedMotion, Theme } from "../theme";
import { drawTimeAxis } from "./axes";
import { Crosshair } from "./crosshair";
import { type Commands, connect } from "./input";
import { type Layer, layerEnd_s, parseLayers } from "./layer";
import { Pane } from "./pane";
import { clampSpan, panSpan, parseSpan, type Span, sameSpan, zoomSpan } from "./span";
import { stepDecimals } from "./ticks";
import type { TileStore } from "./tiles";
import { Toolbar } from "./toolbar";
import { innerWidth, LEFT, RIGHT_COLOUR_BAR, RIGHT_PLAIN, timeAt, type View, xOf } from "./view";

const AXIS_PX = 26;
const SAVE_MS = 50;
const SETTLE_MS = 400;
const ANIMATE_MS = 130;
const SHORTEST_S = 1e-3;
const BUCKETS_LEAST = 8;
const KEYS = "ArrowLeft ArrowRight Shift+ArrowLeft Shift+ArrowRight PageUp PageDown Plus Minus 0 Home End Escape";
const HELP =
  "Arrow keys pan, plus and minus zoom, Home and End go to the ends, 0 shows everything. " +
  "Shift with an arrow key moves the read-out. Escape leaves.";

type Cursor = { x: number; y: number } | { time_s: number };

export class Plot implements Commands {
  readonly #plot: HTMLElement;
  readonly #title = make("h3", "acn-title");
  readonly #pill = new Pill();
  readonly #bar = new ProgressBar();
  readonly #axis = make("canvas", "acn-canvas", { "aria-hidden": "true" });
  readonly #crosshair = new Crosshair();
  readonly #empty = make("p", "acn-empty", {}, "Nothing to plot yet.");
  readonly #toolbar: Toolbar;
  readonly #announcer: Announcer;
  readonly #theme: Theme;
  readonly #panes: KeyedList<Layer, Pane>;
  readonly #loop: FrameLoop;
  readonly #settle: Timer;
  readonly #save: () => void;

  #layers: Layer[] = [];
  #status: Status = parseStatus({});
  #view: View = { span: [0, 1], width: 0, left: LEFT, right: RIGHT_PLAIN, ratio: 1 };
  #duration_s = 1;
  #shortest_s = SHORTEST_S;
  #saved: Span | null = null;
  #log = false;
  #direction = 0;
  #cursor: Cursor | null = null;
  #byKey = false;
  #travel: { from: Span; to: Span; start_ms: number } | null = null;
  readonly #dirty = new Set<Pane>();
  #moved = true;

  constructor(
    readonly model: Model,
    readonly store: TileStore,
    root: HTMLElement,
    readonly signal: AbortSignal,
  ) {
    const help = make("span", "acn-ears", { id: freshId() }, HELP);
    const hint = make("div", "acn-hint", { "aria-hidden": "true" }, "Click the plot, then the wheel zooms");
    const panes = make("div", "acn-panes");
    this.#plot = make(
      "div",
      "acn-plot",
      {
        tabindex: "0",
        role: "application",
        "aria-roledescription": "plot",
        "aria-keyshortcuts": KEYS,
        "aria-describedby": help.id,
      },
      panes,
      this.#empty,
      this.#axis,
      this.#crosshair.element,
      hint,
    );
    this.#toolbar = new Toolbar(
      { zoom: (f) => this.zoom(f, null), fit: () => this.fit(), toggleLog: () => this.#toggleLog() },
      signal,
    );
    this.#announcer = Announcer.region(signal);
    root.append(
      make(
        "section",
        "acn-figure",
        {},
        make("header", "acn-plot-head", {}, this.#title, this.#pill.element, this.#bar.element, this.#toolbar.element),
        this.#plot,
        help,
        this.#announcer.element,
      ),
    );

    this.#loop = new FrameLoop((now_ms) => this.#frame(now_ms), signal);
    this.#settle = new Timer(() => this.#settled(), signal);
    this.#save = throttle(() => this.#saveSpan(), SAVE_MS, signal);
    this.#theme = new Theme(root, () => this.#redraw(), signal);
    this.#panes = new KeyedList<Layer, Pane>(
      panes,
      (layer) => `${layer.kind} ${layer.name}`,
      (layer) => new Pane(layer, store, this.#theme),
    );
    connect(this.#plot, hint, this, signal);
    this.#observe();
    this.#readTraits();
  }

  #observe(): void {
    const { model, signal } = this;
    const observer = new ResizeObserver(() => this.#redraw());
    observer.observe(this.#plot);
    onAbort(signal, () => observer.disconnect());
    onAbort(signal, () => this.store.forget(this));
    this.store.onChange((name) => this.#tileChanged(name), signal);
    for (const trait of ["title", "duration_s", "layers", "status"]) {
      onModel(model, `change:${trait}`, () => this.#readTraits(), signal);
    }
    onModel(model, "change:span", () => this.#readSpan(), signal);
    const blur = () => this.#cursor && "time_s" in this.#cursor && this.hover(null);
    this.#plot.addEventListener("blur", blur, { signal });
  }

  // ---- from the kernel

  #readTraits(): void {
    const { model } = this;
    const title = text(model.get("title"));
    setText(this.#title, title);
    setHidden(this.#title, !title);
    this.#plot.setAttribute("aria-label", title ? `Plot of ${title}` : "Plot");
    this.#readStatus();
    this.#layers = parseLayers(model.get("layers"));
    this.store.setLayers(this.#layers);
    this.#panes.update(this.#layers);
    for (const pane of this.#panes.parts.values()) pane.updateStatus(this.#status);
    setHidden(this.#empty, this.#layers.length > 0);
    setHidden(this.#axis, this.#layers.length === 0);
    const images = this.#layers.some((layer) => layer.kind === "image");
    this.#toolbar.update(images, this.#log);
    this.#view.right = images ? RIGHT_COLOUR_BAR : RIGHT_PLAIN;
    this.#readExtent();
    this.#redraw();
  }

  #readStatus(): void {
    const status = parseStatus(record(this.model.get("status")));
    const known = text(record(this.model.get("status")).state) !== "";
    setHidden(this.#pill.element, !known);
    this.#pill.update(status.state, status.text);
    this.#pill.element.title = status.message;
    this.#bar.update(status.state === "pending" ? status.progress : null);
    if (known && status.state !== this.#status.state) this.#announcer.say(`${status.text}. ${status.message}`);
    this.#status = status;
  }

  #readExtent(): void {
    const before = this.#duration_s;
    const ends = this.#layers.filter((layer) => layer.buckets > 0).map(layerEnd_s);
    const duration_s = num(this.model.get("duration_s"), 0);
    this.#duration_s = duration_s > 0 ? duration_s : Math.max(0, ...ends) || 1;
    const hops = this.#layers.filter((layer) => layer.buckets > 0).map((layer) => layer.hop_s);
    this.#shortest_s = Math.max(SHORTEST_S, BUCKETS_LEAST * Math.min(...hops, 1));
    const [t0_s, t1_s] = this.#view.span;
    if (this.#saved === null) this.#readSpan();
    else if (t0_s <= 0 && t1_s >= before) this.#show([0, this.#duration_s]);
    else this.#show(this.#view.span);
  }

  #readSpan(): void {
    const span = parseSpan(this.model.get("span"));
    if (span && this.#saved && sameSpan(span, this.#saved)) return;
    this.#travel = null;
    this.#saved = span ?? [0, this.#duration_s];
    this.#show(this.#saved);
  }

  #tileChanged(name: string): void {
    for (const pane of this.#panes.parts.values()) {
      if (pane.layer.name !== name) continue;
      pane.updateTrouble();
      this.#dirty.add(pane);
    }
    this.#loop.request();
  }

  // ---- to the kernel

  #saveSpan(): void {
    const { span } = this.#view;
    if (this.#saved && sameSpan(span, this.#saved)) return;
    this.#saved = span;
    this.model.set("span", [span[0], span[1]]);
    this.model.save_changes();
  }

  // ---- what is visible

  #show(span: Span): void {
    const next = clampSpan(span, this.#duration_s, this.#shortest_s);
    const shift = next[0] + next[1] - this.#view.span[0] - this.#view.span[1];
    if (shift !== 0) this.#direction = Math.sign(shift);
    this.#view.span = next;
    this.#redraw();
    this.#settle.set(SETTLE_MS);
    if (!this.#saved || !sameSpan(next, this.#saved)) this.#save();
  }

  #jump(span: Span): void {
    this.#travel = null;
    this.#show(span);
  }

  #glide(to: Span): void {
    if (reducedMotion()) {
      this.#jump(to);
      return;
    }
    this.#travel = { from: this.#view.span, to, start_ms: performance.now() };
    this.#loop.request();
  }

  /** Where the view is, or where it is going. */
  get #goal(): Span {
    return this.#travel?.to ?? this.#view.span;
  }

  #advance(now_ms: number): void {
    if (!this.#travel) return;
    const { from, to, start_ms } = this.#travel;
    const share = Math.min(1, Math.max(0, (now_ms - start_ms) / ANIMATE_MS));
    const eased = 1 - (1 - share) ** 2;
    if (share === 1) this.#travel = null;
    this.#show([from[0] + (to[0] - from[0]) * eased, from[1] + (to[1] - from[1]) * eased]);
  }

  // ---- commands of wheel, pointer, keys and tools

  zoom(factor: number, x: number | null): void {
    const span = x === null ? this.#goal : this.#view.span;
    const middle_s = (span[0] + span[1]) / 2;
    const cursor_s = this.#cursor && "time_s" in this.#cursor ? this.#cursor.time_s : middle_s;
    const anchor_s = cursor_s >= span[0] && cursor_s <= span[1] ? cursor_s : middle_s;
    const at_s = x === null ? anchor_s : timeAt(this.#view, x);
    const next = zoomSpan(span, factor, at_s, this.#duration_s, this.#shortest_s);
    if (x === null) this.#glide(next);
    else this.#jump(next);
    this.#byKey = x === null;
  }

  pan(share: number): void {
    const [t0_s, t1_s] = this.#goal;
    this.#byKey = true;
    this.#glide(panSpan(this.#goal, share * (t1_s - t0_s), this.#duration_s));
  }

  drag(by_px: number): void {
    const { span } = this.#view;
    this.#byKey = false;
    this.#jump(panSpan(span, (-by_px / innerWidth(this.#view)) * (span[1] - span[0]), this.#duration_s));
  }

  go(to: "start" | "end"): void {
    this.#byKey = true;
    this.#glide(panSpan(this.#goal, to === "start" ? -this.#duration_s : this.#duration_s, this.#duration_s));
  }

  fit(): void {
    this.#byKey = true;
    this.#glide([0, this.#duration_s]);
  }

  hover(at: { x: number; y: number } | null): void {
    this.#cursor = at;
    this.#loop.request();
  }

  step(share: number): void {
    const [t0_s, t1_s] = this.#view.span;
    const current_s = this.#cursorTime() ?? (t0_s + t1_s) / 2;
    const time_s = Math.min(Math.max(current_s + share * (t1_s - t0_s), 0), this.#duration_s);
    this.#cursor = { time_s };
    this.#byKey = true;
    if (time_s < t0_s || time_s > t1_s)
      this.#jump(panSpan([t0_s, t1_s], time_s < t0_s ? time_s - t0_s : time_s - t1_s, this.#duration_s));
    this.#settle.set(SETTLE_MS);
    this.#loop.request();
  }

  leave(): void {
    this.hover(null);
    this.#plot.blur();
  }

  #toggleLog(): void {
    this.#log = !this.#log;
    this.#toolbar.update(true, this.#log);
    this.#redraw();
  }

  // ---- drawing

  #redraw(): void {
    this.#moved = true;
    this.#loop.request();
  }

  #measure(): boolean {
    const width = this.#plot.clientWidth;
    if (width <= LEFT + this.#view.right) return false;
    this.#view.width = width;
    this.#view.ratio = Math.min(Math.max(window.devicePixelRatio || 1, 0.5), 4);
    return true;
  }

  #frame(now_ms: number): void {
    this.#advance(now_ms);
    if (!this.#measure()) return;
    const view = this.#view;
    const panes = [...this.#panes.parts.values()];
    if (this.#moved) {
      this.#moved = false;
      for (const pane of panes) {
        pane.resize(view);
        this.#dirty.add(pane);
      }
      this.#drawAxis();
      this.store.want(this, interleave(panes.map((pane) => pane.wants(view, this.#direction))));
    }
    for (const pane of [...this.#dirty]) {
      // A pane that could not colour all its tiles in time goes on in the next frame.
      if (!panes.includes(pane) || !pane.draw(view, this.#log)) this.#dirty.delete(pane);
    }
    this.#drawCursor(panes);
    if (this.#travel || this.#dirty.size > 0) this.#loop.request();
  }

  #drawAxis(): void {
    const { width, ratio } = this.#view;
    this.#axis.width = Math.round(width * ratio);
    this.#axis.height = Math.round(AXIS_PX * ratio);
    this.#axis.style.height = `${AXIS_PX}px`;
    const ctx = this.#axis.getContext("2d");
    if (ctx) drawTimeAxis(ctx, this.#theme, this.#view);
  }

  #cursorTime(): number | null {
    const cursor = this.#cursor;
    if (!cursor) return null;
    const time_s = "time_s" in cursor ? cursor.time_s : timeAt(this.#view, cursor.x);
    const [t0_s, t1_s] = this.#view.span;
    return time_s >= t0_s && time_s <= t1_s ? time_s : null;
  }

  #drawCursor(panes: readonly Pane[]): void {
    const view = this.#view;
    const time_s = this.#cursorTime();
    const pointer = this.#cursor && "x" in this.#cursor ? this.#cursor : null;
    const top = this.#plot.getBoundingClientRect().top + this.#plot.clientTop;
    let y: number | null = null;
    let value = "";
    for (const pane of panes) {
      const box = pane.canvas.getBoundingClientRect();
      const inside = pointer && pointer.y >= box.top - top && pointer.y < box.bottom - top;
      const local = inside ? pointer.y - (box.top - top) : null;
      pane.read(view, time_s, local, this.#log);
      if (local === null || !pointer) continue;
      y = pointer.y;
      value = pane.valueLabel(local, this.#log);
    }
    if (time_s === null || panes.length === 0) {
      this.#crosshair.hide();
      return;
    }
    this.#crosshair.show({
      x: xOf(view, time_s),
      y,
      left: view.left,
      right: view.width - view.right,
      axisTop: this.#axis.getBoundingClientRect().top - top,
      time: formatTime(time_s, this.#timeDecimals()),
      value,
    });
  }

  /** Milliseconds, and finer only where the screen can tell them apart. */
  #timeDecimals(): number {
    const pixel_s = (this.#view.span[1] - this.#view.span[0]) / innerWidth(this.#view);
    return Math.min(6, Math.max(3, stepDecimals(pixel_s)));
  }

  /** After a movement: the descriptions, and for keyboard users a spoken read-out. */
  #settled(): void {
    const view = this.#view;
    const panes = [...this.#panes.parts.values()];
    for (const pane of panes) pane.describe(view);
    if (!this.#byKey) return;
    this.#byKey = false;
    const [t0_s, t1_s] = view.span;
    const time_s = this.#cursorTime() ?? (t0_s + t1_s) / 2;
    const words = panes.map((pane) => `${pane.layer.label} ${pane.words(view, time_s, null, this.#log) || "no value"}`);
    const range = `Showing ${formatTime(t0_s)} to ${formatTime(t1_s)}.`;
    this.#announcer.say(`${range} At ${formatTime(time_s)}: ${words.join("; ")}`);
  }
}

/** One from each list in turn, so that all panes fill at the same pace. */
export function interleave<T>(lists: readonly (readonly T[])[]): T[] {
  const result: T[] = [];
  const longest = Math.max(0, ...lists.map((list) => list.length));
  for (let k = 0; k < longest; k++) {
    for (const list of lists) if (k < list.length) result.push(list[k]);
  }
  return result;
}

export function renderPlot(model: Model, store: TileStore, root: HTMLElement, signal: AbortSignal): void {
  new Plot(model, store, root, signal);
}
