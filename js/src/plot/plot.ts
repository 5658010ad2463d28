// FeaturePlot: layers of a source stacked over one time axis.

import { Announcer } from "../announcer";
import { freshId, KeyedList, make, setHidden, setText } from "../dom";
import { guard } from "../errorbox";
import { formatTime } from "../format";
import { clamp, num, record, text } from "../guards";
import type { Model } from "../host";
import { FrameLoop, listen, onAbort, onModel, Timer } from "../scope";
import { Pill, ProgressBar, parseStatus, type Status } from "../status";
import { Theme } from "../theme";
import { drawTimeAxis } from "./axes";
import { Cursor } from "./cursor";
import { type Commands, connect } from "./input";
import { type Layer, layerEnd_s, parseLayers } from "./layer";
import { Navigation } from "./navigation";
import { heightFor, Pane } from "./pane";
import type { TileStore } from "./tiles";
import { Toolbar } from "./toolbar";
import { fitCanvas, innerWidth, LEFT, RIGHT_COLOUR_BAR, RIGHT_PLAIN, timeAt, type View } from "./view";

const AXIS_PX = 26;
const SETTLE_MS = 400;
const SHORTEST_S = 1e-3;
const BUCKETS_LEAST = 8;
const PANE_LEAST_PX = 24;
const KEYS =
  "ArrowLeft ArrowRight ArrowUp ArrowDown Shift+ArrowLeft Shift+ArrowRight PageUp PageDown Plus Minus 0 Home End Escape";
const HELP =
  "Left and right arrow keys pan, up and down or plus and minus zoom, Home and End go to the ends, 0 shows everything. " +
  "Shift with an arrow key moves the read-out. Escape leaves.";

export class Plot implements Commands {
  readonly #plot: HTMLElement;
  readonly #title = make("h3", "acn-title");
  readonly #pill = new Pill();
  readonly #bar = new ProgressBar();
  readonly #axis = make("canvas", "acn-canvas", { "aria-hidden": "true" });
  readonly #cursor = new Cursor();
  readonly #empty = make("p", "acn-empty", {}, "Nothing to plot yet.");
  readonly #toolbar: Toolbar;
  readonly #announcer: Announcer;
  readonly #theme: Theme;
  readonly #panes: KeyedList<Layer, Pane>;
  readonly #loop: FrameLoop;
  readonly #settle: Timer;
  readonly #navigation: Navigation;

  #layers: Layer[] = [];
  #status: Status = parseStatus({});
  #view: View = { span: [0, 1], width: 0, left: LEFT, right: RIGHT_PLAIN, ratio: 1 };
  #log = false;
  #byKey = false;
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
      this.#cursor.element,
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

    this.#loop = new FrameLoop((now_ms) => guard(root, () => this.#frame(now_ms)), signal);
    this.#settle = new Timer(() => this.#settled(), signal);
    this.#navigation = new Navigation(model, () => this.#travelled(), signal);
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
    const observer = new ResizeObserver(() => {
      // Hosts draw into elements that are not in the page yet, and those have no colours.
      this.#theme.refresh();
      this.#redraw();
    });
    observer.observe(this.#plot);
    onAbort(signal, () => observer.disconnect());
    onAbort(signal, () => this.store.forget(this));
    this.store.onChange((name) => this.#tileChanged(name), signal);
    onModel(model, "change:status", () => this.#readStatus(), signal);
    for (const trait of ["title", "duration_s", "layers", "height"]) {
      onModel(model, `change:${trait}`, () => this.#readTraits(), signal);
    }
    listen(this.#plot, "blur", () => this.#cursor.keyTime_s !== null && this.hover(null), signal);
  }

  // ---- from the kernel

  #readTraits(): void {
    const { model } = this;
    const title = text(model.get("title"));
    setText(this.#title, title);
    setHidden(this.#title, !title);
    this.#plot.setAttribute("aria-label", title ? `Plot of ${title}` : "Plot");
    this.#layers = parseLayers(model.get("layers"));
    this.store.setLayers(this.#layers);
    this.#panes.update(this.#layers);
    this.#shareHeight();
    this.#readStatus();
    setHidden(this.#empty, this.#layers.length > 0);
    setHidden(this.#axis, this.#layers.length === 0);
    const images = this.#layers.some((layer) => layer.kind === "image");
    this.#toolbar.update(images, this.#log);
    this.#view.right = images ? RIGHT_COLOUR_BAR : RIGHT_PLAIN;
    this.#readExtent();
    this.#redraw();
  }

  /** All drawings together are as high as the trait says; 0 leaves each its own height. */
  #shareHeight(): void {
    const natural = this.#layers.reduce((sum, layer) => sum + heightFor(layer), 0);
    const wanted = num(this.model.get("height"), 0);
    const scale = wanted > 0 && natural > 0 ? wanted / natural : 1;
    for (const pane of this.#panes.parts.values()) {
      pane.setHeight(Math.max(PANE_LEAST_PX, Math.round(heightFor(pane.layer) * scale)));
    }
  }

  #readStatus(): void {
    const status = parseStatus(record(this.model.get("status")));
    const known = text(record(this.model.get("status")).state) !== "";
    setHidden(this.#pill.element, !known);
    this.#pill.update(status.state, status.text);
    this.#pill.element.title = status.message;
    this.#bar.update(status.state === "pending" ? status.progress : null);
    for (const pane of this.#panes.parts.values()) pane.updateStatus(status);
    if (known && status.state !== this.#status.state) this.#announcer.say(`${status.text}. ${status.message}`);
    this.#status = status;
  }

  #readExtent(): void {
    const full = this.#layers.filter((layer) => layer.buckets > 0);
    const duration_s = num(this.model.get("duration_s"), 0);
    const longest_s = Math.max(0, ...full.map(layerEnd_s));
    const shortest_s = Math.max(SHORTEST_S, BUCKETS_LEAST * Math.min(1, ...full.map((layer) => layer.hop_s)));
    this.#navigation.setExtent(duration_s > 0 ? duration_s : longest_s || 1, shortest_s);
  }

  #travelled(): void {
    this.#redraw();
    this.#settle.set(SETTLE_MS);
  }

  #tileChanged(name: string): void {
    for (const pane of this.#panes.parts.values()) {
      if (pane.layer.name !== name) continue;
      pane.updateTrouble();
      this.#dirty.add(pane);
    }
    this.#loop.request();
  }

  // ---- commands of wheel, pointer, keys and tools

  zoom(factor: number, x: number | null): void {
    this.#byKey = x === null;
    if (x !== null) {
      this.#navigation.zoom(factor, timeAt(this.#view, x), false);
      return;
    }
    const [t0_s, t1_s] = this.#navigation.goal;
    const key_s = this.#cursor.keyTime_s ?? Number.NaN;
    this.#navigation.zoom(factor, key_s >= t0_s && key_s <= t1_s ? key_s : (t0_s + t1_s) / 2, true);
  }

  pan(share: number): void {
    const [t0_s, t1_s] = this.#navigation.goal;
    this.#byKey = true;
    this.#navigation.pan(share * (t1_s - t0_s), true);
  }

  drag(by_px: number): void {
    const [t0_s, t1_s] = this.#navigation.span;
    this.#byKey = false;
    this.#navigation.pan((-by_px / innerWidth(this.#view)) * (t1_s - t0_s), false);
  }

  go(to: "start" | "end"): void {
    const { duration_s } = this.#navigation;
    this.#byKey = true;
    this.#navigation.pan(to === "start" ? -duration_s : duration_s, true);
  }

  fit(): void {
    this.#byKey = true;
    this.#navigation.fit();
  }

  hover(at: { x: number; y: number } | null): void {
    this.#cursor.put(at);
    this.#loop.request();
  }

  step(share: number): void {
    const [t0_s, t1_s] = this.#navigation.span;
    const from_s = this.#cursor.time(this.#view) ?? (t0_s + t1_s) / 2;
    const time_s = clamp(from_s + share * (t1_s - t0_s), 0, this.#navigation.duration_s);
    this.#cursor.put({ time_s });
    this.#byKey = true;
    // The view follows the cursor over its edge.
    this.#navigation.pan(Math.min(0, time_s - t0_s) + Math.max(0, time_s - t1_s), false);
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

  /** Whether the plot has a place on the screen. */
  #measure(): boolean {
    const width = this.#plot.clientWidth;
    // A page that changes its theme may be without layout for a frame: then the last width is still right.
    if (width > LEFT + this.#view.right) this.#view.width = width;
    this.#view.span = this.#navigation.span;
    this.#view.ratio = clamp(window.devicePixelRatio || 1, 0.5, 4);
    return this.#view.width > 0;
  }

  #frame(now_ms: number): void {
    this.#navigation.advance(now_ms);
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
      this.store.want(this, interleave(panes.map((pane) => pane.wants(view, this.#navigation.direction))));
    }
    for (const pane of [...this.#dirty]) {
      // A pane that could not colour all its tiles in time goes on in the next frame.
      if (!panes.includes(pane) || !pane.draw(view, this.#log)) this.#dirty.delete(pane);
    }
    this.#cursor.draw(view, panes, this.#plot, this.#axis, this.#log);
    if (this.#navigation.isMoving || this.#dirty.size > 0) this.#loop.request();
  }

  #drawAxis(): void {
    const { width, ratio } = this.#view;
    fitCanvas(this.#axis, width, AXIS_PX, ratio);
    const ctx = this.#axis.getContext("2d");
    if (ctx) drawTimeAxis(ctx, this.#theme, this.#view);
  }

  /** After a movement: the descriptions, and for keyboard users a spoken read-out. */
  #settled(): void {
    const view = this.#view;
    const panes = [...this.#panes.parts.values()];
    for (const pane of panes) pane.describe(view);
    if (!this.#byKey) return;
    this.#byKey = false;
    const [t0_s, t1_s] = view.span;
    const time_s = this.#cursor.time(this.#view) ?? (t0_s + t1_s) / 2;
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
