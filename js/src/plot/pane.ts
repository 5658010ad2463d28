// One layer on the screen: caption, canvas, and a plain word where there is nothing to draw.

import { make, setAttribute, setHidden, setText } from "../dom";
import { formatRange, formatTime, formatValue } from "../format";
import { featureWord } from "../panel/rows";
import { Pill, type Status } from "../status";
import type { Theme } from "../theme";
import { Cover } from "./cover";
import { LANE_GAP_PX, laneCount, laneOf } from "./lanes";
import type { Layer } from "./layer";
import { isGrid } from "./layer";
import { Legend } from "./legend";
import { Painter } from "./painter";
import { levelFor, wanted } from "./pyramid";
import { readout } from "./readout";
import type { Scene } from "./scene";
import type { Span } from "./span";
import type { TileStore } from "./tiles";
import { valueAt, verticalAxis } from "./vertical";
import { areaOf, fitCanvas, secondsPerDevicePixel, type View } from "./view";

export const GAP_PX = 6;
const IMAGE_SLACK = 0.4;
/** Marked across nearly the whole height: no frequencies were meant. */
const FLAT_PX = 12;

export class Pane {
  readonly element = make("section", "acn-pane");
  readonly canvas = make("canvas", "acn-canvas", { role: "img" });
  readonly #label = make("span", "acn-pane-label");
  readonly #legend: Legend;
  readonly #chip = new Pill();
  readonly #trouble = make("span", "acn-trouble");
  readonly #readout = make("span", "acn-readout");
  readonly #cover = new Cover();
  readonly #painter: Painter;
  #height = 0;

  constructor(
    public layer: Layer,
    readonly store: TileStore,
    theme: Theme,
    onChange: (pane: Pane) => void,
    signal: AbortSignal,
  ) {
    this.#legend = new Legend(() => onChange(this), signal);
    this.#painter = new Painter(store, theme, this.#legend);
    const legend = this.#legend.element;
    this.element.append(
      make("header", "acn-pane-head", {}, this.#label, legend, this.#chip.element, this.#trouble, this.#readout),
      make("div", "acn-pane-body", {}, this.canvas, this.#cover.element),
    );
  }

  update(layer: Layer): void {
    this.layer = layer;
    this.element.dataset.layer = layer.name;
    this.element.dataset.state = layer.state;
    this.element.dataset.kind = layer.kind;
    const unit = layer.unit && layer.kind !== "text" ? ` [${layer.unit}]` : "";
    setText(this.#label, layer.label + unit);
    this.#legend.update(layer);
    const empty = layer.buckets === 0;
    setHidden(this.#chip.element, empty || layer.state === "fresh");
    this.#chip.update(layer.state, [featureWord(layer.state), layer.reason].filter(Boolean).join(": "));
    setAttribute(this.#chip.element, "title", layer.reason || null);
    this.#cover.update(layer);
    this.updateTrouble();
  }

  /** Height of the drawing, in CSS pixels. */
  setHeight(height: number): void {
    this.#height = height;
  }

  /** Progress of the source, shown while this layer is being computed for the first time. */
  updateStatus(status: Status): void {
    const { buckets, state } = this.layer;
    this.#cover.updateProgress(buckets === 0 && state === "running" ? status.progress : null);
  }

  updateTrouble(): void {
    const trouble = this.store.error(this.layer.name);
    setText(this.#trouble, trouble);
    setHidden(this.#trouble, !trouble);
  }

  resize(view: View): void {
    this.element.style.setProperty("--acn-left", `${view.left}px`);
    this.element.style.setProperty("--acn-right", `${view.right}px`);
    fitCanvas(this.canvas, view.width, this.#height + 2 * GAP_PX, view.ratio);
  }

  level(view: View): number {
    const slack = this.layer.kind === "image" ? IMAGE_SLACK : 0;
    return isGrid(this.layer) ? levelFor(this.layer, secondsPerDevicePixel(view), slack) : 0;
  }

  wants(view: View, direction: number) {
    return wanted(this.layer, this.level(view), view.span[0], view.span[1], direction);
  }

  /** Draws everything; returns whether another frame is needed to finish. */
  draw(scene: Scene): boolean {
    const ctx = this.canvas.getContext("2d");
    if (!ctx) return false;
    ctx.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const area = areaOf(scene.view, GAP_PX, this.#height);
    return this.#painter.draw(ctx, area, this.layer, this.level(scene.view), scene);
  }

  // ---- places in the pane; heights in CSS pixels of the canvas

  #share(y: number): number {
    return 1 - (y - GAP_PX) / this.#height;
  }

  /** The value of the vertical axis at a height, as the crosshair shows it. */
  valueLabel(y: number, scene: Scene): string {
    const share = this.#share(y);
    const layer = this.#legend.fitted(this.layer);
    if (share < 0 || share > 1 || layer.buckets === 0 || layer.kind === "events") return "";
    if (layer.kind === "image") {
      if (layer.y_names.length > 0) return "";
      return formatValue(valueAt(verticalAxis(layer, scene.choices.frequencyAxis), share), layer.y_unit);
    }
    const lanes = laneCount(layer);
    const { y: top, height } = laneOf({ y: GAP_PX, height: this.#height }, 0, lanes, LANE_GAP_PX);
    const inLane = 1 - ((y - top) % (height + LANE_GAP_PX)) / height;
    if (inLane < 0) return "";
    return formatValue(layer.value_min + inLane * (layer.value_max - layer.value_min), layer.unit);
  }

  /** What of the vertical axis lies between two heights; null if this pane has none to mark. */
  valuesBetween(a: number, b: number, scene: Scene): Span | null {
    if (this.layer.kind !== "image" || this.layer.buckets === 0 || Math.abs(a - b) < FLAT_PX) return null;
    const axis = verticalAxis(this.layer, scene.choices.frequencyAxis);
    const at = (y: number) => valueAt(axis, Math.min(Math.max(this.#share(y), 0), 1));
    const [low, high] = [at(Math.max(a, b)), at(Math.min(a, b))];
    return low < high ? [low, high] : null;
  }

  /** Top and height of a range of the vertical axis. */
  boxOf([low, high]: Span, scene: Scene): { top: number; height: number } {
    const [from, to] = this.#painter.shares(this.layer, low, high, scene);
    return { top: GAP_PX + (1 - to) * this.#height, height: Math.max(1, (to - from) * this.#height) };
  }

  // ---- words

  /** Shows the values at a time; `y` is the pointer's height if it is in this pane. */
  read(scene: Scene, time_s: number | null, y: number | null): string {
    const words = time_s === null ? "" : this.words(scene, time_s, y);
    setText(this.#readout, words);
    return words;
  }

  words(scene: Scene, time_s: number, y: number | null): string {
    const share = y === null ? Number.NaN : this.#share(y);
    const axis = verticalAxis(this.layer, scene.choices.frequencyAxis);
    const height = share >= 0 && share <= 1 ? valueAt(axis, share) : null;
    return readout(this.layer, this.level(scene.view), time_s, height, this.store.get);
  }

  /** A sentence about the picture for those who cannot see it. */
  describe(view: View): void {
    const { layer } = this;
    const parts = [layer.label];
    if (layer.kind === "text" && layer.text) parts.push(layer.text);
    else if (layer.buckets === 0) parts.push(featureWord(layer.state).toLowerCase());
    else parts.push(...this.#ranges(view));
    setAttribute(this.canvas, "aria-label", parts.join(", "));
  }

  #ranges(view: View): string[] {
    const { layer } = this;
    const parts: string[] = [];
    if (layer.kind === "events") parts.push(`${layer.buckets} events`);
    else {
      if (layer.kind === "image") parts.push(formatRange(layer.y_min, layer.y_max, layer.y_unit));
      parts.push(formatRange(layer.value_min, layer.value_max, layer.unit));
      if (layer.channels.length > 1) parts.push(`${layer.channels.length} channels`);
    }
    parts.push(`from ${formatTime(view.span[0])} to ${formatTime(view.span[1])}`);
    return parts;
  }
}
