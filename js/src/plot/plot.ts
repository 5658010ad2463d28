// FeaturePlot: layers of a source stacked over one time axis.

import { Announcer } from "../announcer";
import { KeyedList, setHidden, setText } from "../dom";
import { guard } from "../errorbox";
import { formatTime } from "../format";
import { clamp, num, record, text } from "../guards";
import type { Model } from "../host";
import { followPlayhead, type Playhead } from "../playhead";
import { FrameLoop, listen, onAbort, onModel, Timer } from "../scope";
import { parseStatus, type Status } from "../status";
import { TempoMap } from "../tempo";
import { Theme } from "../theme";
import { drawTimeAxis } from "./axes";
import { Choices } from "./choices";
import { PlotCommands } from "./commands";
import { Cursor } from "./cursor";
import { guideTimes } from "./events";
import { Follower } from "./follower";
import { buildFrame, type Frame } from "./frame";
import { timeLines } from "./grid";
import { connect } from "./input";
import { heightFor } from "./lanes";
import { isGrid, type Layer, layerEnd_s, parseLayers } from "./layer";
import { Marker } from "./marker";
import { Navigation } from "./navigation";
import { Pane } from "./pane";
import type { Scene } from "./scene";
import { watchScreen } from "./screen";
import { Selector } from "./selector";
import { Settings } from "./settings";
import type { TileStore } from "./tiles";
import { Toolbar } from "./toolbar";
import { hasFrequencies } from "./vertical";
import { fitCanvas, innerWidth, LEFT, RIGHT_COLOUR_BAR, RIGHT_PLAIN, type View } from "./view";

const AXIS_PX = 26;
const SETTLE_MS = 400;
const SHORTEST_S = 1e-4;
const BUCKETS_LEAST = 8;
const PANE_LEAST_PX = 24;

export class Plot {
  readonly #frame: Frame;
  readonly #cursor = new Cursor();
  readonly #follower: Follower;
  readonly #toolbar: Toolbar;
  readonly #settings: Settings;
  readonly #choices: Choices;
  readonly #selector: Selector;
  readonly #announcer: Announcer;
  readonly #theme: Theme;
  readonly #panes: KeyedList<Layer, Pane>;
  readonly #loop: FrameLoop;
  readonly #settle: Timer;
  readonly #navigation: Navigation;
  readonly #playhead: Playhead | null;
  readonly #act: PlotCommands;

  #layers: Layer[] = [];
  #status: Status = parseStatus({});
  #view: View = { span: [0, 1], width: 0, left: LEFT, right: RIGHT_PLAIN, ratio: 1 };
  #scene: Scene;
  readonly #dirty = new Set<Pane>();
  #moved = true;

  constructor(
    readonly model: Model,
    readonly store: TileStore,
    root: HTMLElement,
    readonly signal: AbortSignal,
  ) {
    this.#announcer = Announcer.region(signal);
    this.#loop = new FrameLoop((now_ms) => guard(root, () => this.#draw(now_ms)), signal);
    this.#settle = new Timer(() => this.#settled(), signal);
    this.#theme = new Theme(root, () => this.#redraw(), signal);
    this.#choices = new Choices(model, () => this.#chosen(), signal);
    this.#settings = new Settings(this.#choices, signal);
    this.#selector = new Selector(model, () => this.#selected(), signal);
    this.#scene = {
      view: this.#view,
      choices: this.#choices,
      tempo: new TempoMap({}),
      lines: [],
      guides: [],
      region: null,
    };
    this.#toolbar = new Toolbar(
      {
        zoom: (factor) => this.#act.zoom(factor, null),
        fit: () => this.#act.fit(),
        toggleLog: () => this.#choices.set("frequency_axis", this.#choices.frequencyAxis === "log" ? "auto" : "log"),
        toggleSelecting: () => {
          this.#selector.active = !this.#selector.active;
          this.#updateTools();
        },
        zoomToSelection: () => this.#act.zoomToSelection(),
        clearSelection: () => this.#act.clearSelection(),
        toggleSettings: () => {
          setHidden(this.#settings.element, !this.#settings.element.hidden);
          this.#updateTools();
        },
      },
      signal,
    );
    const marker = new Marker();
    this.#frame = buildFrame(
      this.#toolbar.element,
      this.#settings.element,
      [this.#selector.box.element, marker.element, this.#cursor.element],
      this.#announcer.element,
    );
    root.append(this.#frame.figure);
    this.#navigation = new Navigation(model, () => this.#travelled(), signal);
    this.#panes = new KeyedList<Layer, Pane>(
      this.#frame.panes,
      (layer) => `${layer.kind} ${layer.name}`,
      (layer) => new Pane(layer, store, this.#theme, (pane) => this.#touch(pane), signal),
    );
    this.#playhead = followPlayhead(model, store.hub, signal);
    this.#follower = new Follower(this.#playhead, marker, this.#cursor, this.#navigation);
    this.#act = new PlotCommands({
      navigation: this.#navigation,
      cursor: this.#cursor,
      selector: this.#selector,
      playhead: this.#playhead,
      scene: this.#scene,
      plot: this.#frame.plot,
      panes: () => this.#list,
      say: (words) => this.#announcer.say(words),
      redraw: () => this.#loop.request(),
      settle: () => this.#settle.set(SETTLE_MS),
    });
    connect(this.#frame.plot, this.#frame.hint, this.#act, signal);
    this.#observe();
    this.#readTraits();
    this.#chosen();
  }

  #observe(): void {
    const { model, signal } = this;
    const { plot } = this.#frame;
    const observer = new ResizeObserver(() => {
      // Hosts draw into elements that are not in the page yet, and those have no colours.
      this.#theme.refresh();
      this.#redraw();
    });
    observer.observe(plot);
    onAbort(signal, () => observer.disconnect());
    onAbort(signal, () => this.store.forget(this));
    watchScreen(model, plot, signal);
    this.store.onChange((name) => this.#tileChanged(name), signal);
    onModel(model, "change:status", () => this.#readStatus(), signal);
    onModel(model, "change:tempo", () => this.#readTempo(), signal);
    for (const trait of ["title", "duration_s", "layers", "height", "clip"]) {
      onModel(model, `change:${trait}`, () => this.#readTraits(), signal);
    }
    this.#playhead?.onChange(() => this.#loop.request(), signal);
    listen(plot, "blur", () => this.#cursor.keyTime_s !== null && this.#act.hover(null), signal);
  }

  get #list(): Pane[] {
    return [...this.#panes.parts.values()];
  }

  // ---- from the kernel

  #readTraits(): void {
    const { model } = this;
    const { title, plot, empty, axis } = this.#frame;
    const name = text(model.get("title"));
    setText(title, name);
    setHidden(title, !name);
    plot.setAttribute("aria-label", name ? `Plot of ${name}` : "Plot");
    const clip = record(model.get("clip"));
    this.#layers = parseLayers(model.get("layers"), num(clip.shift_s, 0));
    this.store.setLayers(this.#layers);
    this.#panes.update(this.#layers);
    this.#shareHeight();
    this.#readStatus();
    setHidden(empty, this.#layers.length > 0);
    setHidden(axis, this.#layers.length === 0);
    this.#view.right = this.#layers.some((layer) => layer.kind === "image") ? RIGHT_COLOUR_BAR : RIGHT_PLAIN;
    this.#settings.update(this.#layers);
    this.#updateTools();
    this.#readExtent();
    this.#readTempo();
  }

  /** All drawings together are as high as the trait says; 0 leaves each its own height. */
  #shareHeight(): void {
    const natural = this.#layers.reduce((sum, layer) => sum + heightFor(layer), 0);
    const wanted = num(this.model.get("height"), 0);
    const scale = wanted > 0 && natural > 0 ? wanted / natural : 1;
    for (const pane of this.#list) {
      pane.setHeight(Math.max(PANE_LEAST_PX, Math.round(heightFor(pane.layer) * scale)));
    }
  }

  #readStatus(): void {
    const status = parseStatus(record(this.model.get("status")));
    const known = text(record(this.model.get("status")).state) !== "";
    const { pill, bar } = this.#frame;
    setHidden(pill.element, !known);
    pill.update(status.state, status.text);
    pill.element.title = status.message;
    bar.update(status.state === "pending" ? status.progress : null);
    for (const pane of this.#list) pane.updateStatus(status);
    if (known && status.state !== this.#status.state) this.#announcer.say(`${status.text}. ${status.message}`);
    this.#status = status;
  }

  #readTempo(): void {
    this.#scene.tempo = new TempoMap(this.model.get("tempo"));
    this.#redraw();
  }

  #readExtent(): void {
    const full = this.#layers.filter((layer) => layer.buckets > 0 && isGrid(layer));
    const clip = record(this.model.get("clip"));
    const duration_s = num(this.model.get("duration_s"), 0);
    const start_s = 0 - num(clip.shift_s, 0);
    const longest_s = Math.max(start_s, ...full.map(layerEnd_s)) - start_s;
    const end_s = start_s + (duration_s > 0 ? duration_s : longest_s || 1);
    const region = [num(clip.start_s, start_s), num(clip.end_s, end_s)] as const;
    const isAll = region[0] <= start_s + 1e-9 && region[1] >= end_s - 1e-9;
    this.#scene.region = isAll ? null : region;
    const shortest_s = Math.max(SHORTEST_S, BUCKETS_LEAST * Math.min(1, ...full.map((layer) => layer.hop_s)));
    this.#navigation.setExtent([start_s, end_s], shortest_s);
    this.#navigation.setLink(this.#choices.linked ? text(this.model.get("link")) : "");
  }

  // ---- choices

  #chosen(): void {
    if (!this.#navigation) return;
    this.#settings.update(this.#layers);
    this.#updateTools();
    this.#navigation.setLink(this.#choices.linked ? text(this.model.get("link")) : "");
    this.#redraw();
  }

  #updateTools(): void {
    this.#toolbar.update({
      frequencies: this.#layers.some(hasFrequencies),
      log: this.#choices.frequencyAxis === "log",
      selecting: this.#selector.active,
      selection: this.#selector.selection !== null,
      settings: !this.#settings.element.hidden,
    });
  }

  #selected(): void {
    if (!this.#toolbar) return;
    this.#updateTools();
    this.#loop.request();
  }

  #travelled(): void {
    this.#redraw();
    this.#settle.set(SETTLE_MS);
  }

  #tileChanged(name: string): void {
    for (const pane of this.#list) {
      if (pane.layer.name !== name) continue;
      pane.updateTrouble();
      this.#dirty.add(pane);
      // Events guide the eye through the other panes as well.
      if (pane.layer.kind === "events") this.#moved = true;
    }
    this.#loop.request();
  }

  #touch(pane: Pane): void {
    this.#dirty.add(pane);
    this.#loop.request();
  }

  // ---- drawing

  #redraw(): void {
    this.#moved = true;
    this.#loop.request();
  }

  /** Whether the plot has a place on the screen. */
  #measure(): boolean {
    const width = this.#frame.plot.clientWidth;
    // A page that changes its theme may be without layout for a frame: then the last width is still right.
    if (width > LEFT + this.#view.right) this.#view.width = width;
    this.#view.span = this.#navigation.span;
    this.#view.ratio = clamp(window.devicePixelRatio || 1, 0.5, 4);
    return this.#view.width > 0;
  }

  #draw(now_ms: number): void {
    this.#navigation.advance(now_ms);
    if (!this.#measure()) return;
    const panes = this.#list;
    if (this.#moved) this.#lay(panes);
    for (const pane of [...this.#dirty]) {
      // A pane that could not colour all its tiles in time goes on in the next frame.
      if (!panes.includes(pane) || !pane.draw(this.#scene)) this.#dirty.delete(pane);
    }
    const { plot, axis } = this.#frame;
    // Without a layout (a page that changes its theme) there are no places; where it was is still right.
    if (plot.clientWidth > 0) this.#selector.draw(this.#scene, panes, plot, axis);
    const moving = this.#follower.draw(this.#scene, panes, plot, axis, now_ms);
    if (this.#navigation.isMoving || this.#dirty.size > 0 || moving) this.#loop.request();
  }

  /** The view is another: everything is drawn, and what is missing asked for. */
  #lay(panes: Pane[]): void {
    this.#moved = false;
    const view = this.#view;
    for (const pane of panes) {
      pane.resize(view);
      this.#dirty.add(pane);
    }
    const { axis } = this.#frame;
    this.#scene.lines = timeLines(view, this.#choices.timeAxis, this.#scene.tempo);
    this.#scene.guides = this.#layers
      .filter((layer) => layer.kind === "events" && layer.buckets > 0)
      .flatMap((layer) => guideTimes(layer, view.span[0], view.span[1], innerWidth(view), this.store.get));
    fitCanvas(axis, view.width, AXIS_PX, view.ratio);
    const ctx = axis.getContext("2d");
    if (ctx) drawTimeAxis(ctx, this.#theme, view, this.#scene.lines, this.#choices.timeAxis);
    this.store.want(this, interleave(panes.map((pane) => pane.wants(view, this.#navigation.direction))));
  }

  /** After a movement: the descriptions, and for keyboard users a spoken read-out. */
  #settled(): void {
    const panes = this.#list;
    for (const pane of panes) pane.describe(this.#view);
    if (!this.#act.byKey) return;
    this.#act.byKey = false;
    const [t0_s, t1_s] = this.#view.span;
    const time_s = this.#act.here();
    const words = panes.map((pane) => `${pane.layer.label} ${pane.words(this.#scene, time_s, null) || "no value"}`);
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
