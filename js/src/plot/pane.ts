// One layer on the screen: caption, canvas, and a plain word where there is nothing to draw.

import { make, setAttribute, setHidden, setText } from "../dom";
import { formatRange, formatTime, formatValue } from "../format";
import { featureWord } from "../panel/rows";
import { Pill, ProgressBar, type Status } from "../status";
import type { ColourName, Theme } from "../theme";
import { drawColourBar, drawFrame, drawGrid, drawRowAxis, drawValueAxis } from "./axes";
import { ImagePainter } from "./image";
import type { Layer, LayerState } from "./layer";
import { address, cover, levelFor, type Segment, wanted } from "./pyramid";
import { drawRanges } from "./ranges";
import { readout } from "./readout";
import type { TileStore } from "./tiles";
import { valueAt, verticalAxis } from "./vertical";
import { type Area, areaOf, fitCanvas, secondsPerDevicePixel, type View } from "./view";

const PALETTE: readonly ColourName[] = ["c0", "c1", "c2", "c3", "c4", "c5"];
const GAP_PX = 6;
const LANE_GAP_PX = 8;
const IMAGE_SLACK = 0.4;

const EMPTY_WORDS: Readonly<Record<LayerState, string>> = {
  missing: "Not computed yet",
  queued: "Queued…",
  running: "",
  failed: "Failed",
  stale: "Not up to date",
  fresh: "Nothing to show",
};

function laneCount(layer: Layer): number {
  return layer.kind === "minmax" ? Math.max(1, layer.channels.length) : 1;
}

/** Height of the drawing unless another one is wanted, in CSS pixels. */
export function heightFor(layer: Layer): number {
  if (layer.kind === "image") return 208;
  if (layer.kind === "curve") return 112;
  const lanes = laneCount(layer);
  return lanes * (lanes === 1 ? 96 : lanes === 2 ? 64 : lanes <= 6 ? 44 : 28) + (lanes - 1) * LANE_GAP_PX;
}

/** The part of an area that belongs to one of several channels below each other. */
function laneOf<T extends { y: number; height: number }>(area: T, lane: number, lanes: number, gap: number): T {
  const height = (area.height - gap * (lanes - 1)) / lanes;
  const top = Math.round(area.y + lane * (height + gap));
  return { ...area, y: top, height: Math.round(area.y + lane * (height + gap) + height) - top };
}

export class Pane {
  readonly element = make("section", "acn-pane");
  readonly canvas = make("canvas", "acn-canvas", { role: "img" });
  readonly #label = make("span", "acn-pane-label");
  readonly #legend = make("span", "acn-legend");
  readonly #chip = new Pill();
  readonly #trouble = make("span", "acn-trouble");
  readonly #readout = make("span", "acn-readout");
  readonly #cover = make("div", "acn-overlay");
  readonly #coverText = make("p", "acn-overlay-text");
  readonly #coverBar = new ProgressBar();
  readonly #images = new ImagePainter();
  #height = 0;

  constructor(
    public layer: Layer,
    readonly store: TileStore,
    readonly theme: Theme,
  ) {
    this.#cover.append(this.#coverText, this.#coverBar.element);
    this.element.append(
      make("header", "acn-pane-head", {}, this.#label, this.#legend, this.#chip.element, this.#trouble, this.#readout),
      make("div", "acn-pane-body", {}, this.canvas, this.#cover),
    );
  }

  update(layer: Layer): void {
    this.layer = layer;
    this.element.dataset.layer = layer.name;
    this.element.dataset.state = layer.state;
    const unit = layer.unit ? ` [${layer.unit}]` : "";
    setText(this.#label, layer.label + unit);
    this.#updateLegend();
    const empty = layer.buckets === 0;
    setHidden(this.#chip.element, empty || layer.state === "fresh");
    this.#chip.update(layer.state, [featureWord(layer.state), layer.reason].filter(Boolean).join(": "));
    setAttribute(this.#chip.element, "title", layer.reason || null);
    this.#updateCover(empty);
    this.updateTrouble();
  }

  /** Height of the drawing, in CSS pixels. */
  setHeight(height: number): void {
    this.#height = height;
  }

  /** Progress of the source, shown while this layer is being computed for the first time. */
  updateStatus(status: Status): void {
    const { buckets, state } = this.layer;
    this.#coverBar.update(buckets === 0 && state === "running" ? status.progress : null);
  }

  updateTrouble(): void {
    const trouble = this.store.error(this.layer.name);
    setText(this.#trouble, trouble);
    setHidden(this.#trouble, !trouble);
  }

  #updateLegend(): void {
    const { kind, channels } = this.layer;
    const names = kind === "curve" && channels.length > 1 ? channels : [];
    if (this.#legend.childElementCount !== names.length) {
      this.#legend.replaceChildren(
        ...names.map((_, k) => make("span", "acn-key", { "data-colour": String(k % PALETTE.length) })),
      );
    }
    names.forEach((name, k) => {
      setText(this.#legend.children[k], name || String(k + 1));
    });
  }

  #updateCover(empty: boolean): void {
    const { state, reason } = this.layer;
    setHidden(this.#cover, !empty);
    const said = state === "running" ? "" : [EMPTY_WORDS[state], reason].filter(Boolean).join(": ");
    setText(this.#coverText, said);
    setHidden(this.#coverText, !said);
  }

  resize(view: View): void {
    this.element.style.setProperty("--acn-left", `${view.left}px`);
    this.element.style.setProperty("--acn-right", `${view.right}px`);
    fitCanvas(this.canvas, view.width, this.#height + 2 * GAP_PX, view.ratio);
  }

  level(view: View): number {
    const slack = this.layer.kind === "image" ? IMAGE_SLACK : 0;
    return levelFor(this.layer, secondsPerDevicePixel(view), slack);
  }

  wants(view: View, direction: number) {
    return wanted(this.layer, this.level(view), view.span[0], view.span[1], direction);
  }

  /** Draws everything; returns whether another frame is needed to finish. */
  draw(view: View, log: boolean): boolean {
    const ctx = this.canvas.getContext("2d");
    if (!ctx) return false;
    const area = areaOf(view, GAP_PX, this.#height);
    ctx.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (this.layer.buckets === 0) {
      // Its ranges are not known yet.
      drawFrame(ctx, area, this.theme, view.ratio);
      return false;
    }
    return this.layer.kind === "image" ? this.#drawImage(ctx, area, view, log) : this.#drawRanges(ctx, area, view);
  }

  #segments(view: View, has = this.store.has): Segment[] {
    return cover(this.layer, this.level(view), view.span[0], view.span[1], has);
  }

  #get = (of: Segment | ReturnType<typeof address>) => this.store.get(of);

  #drawImage(ctx: CanvasRenderingContext2D, area: Area, view: View, log: boolean): boolean {
    const axis = verticalAxis(this.layer, log);
    const { layer } = this;
    const segments = this.#segments(view);
    // The picture of everything comes first: it stands in for what is not coloured yet.
    const overview = address(layer, layer.levels - 1, 0);
    const tiles = [overview, ...segments].map(this.#get).filter((tile) => tile?.dtype === "uint8");
    const complete = this.#images.prepare(layer, axis, area.height, tiles);
    const ready = complete
      ? segments
      : this.#segments(view, (of) => {
          const tile = this.store.get(of);
          return tile?.dtype === "uint8" && this.#images.isReady(tile);
        });
    drawFrame(ctx, area, this.theme, view.ratio);
    ctx.save();
    ctx.beginPath();
    ctx.rect(area.x, area.y, area.width, area.height);
    ctx.clip();
    this.#images.draw(ctx, area, layer, ready, this.#get);
    ctx.restore();
    drawRowAxis(ctx, area, this.theme, view.ratio, layer, axis);
    drawColourBar(ctx, area, this.theme, view, layer);
    return !complete;
  }

  #drawRanges(ctx: CanvasRenderingContext2D, area: Area, view: View): boolean {
    const { layer, theme } = this;
    const segments = this.#segments(view);
    const lanes = laneCount(layer);
    const channels = Math.max(1, layer.channels.length);
    for (let channel = 0; channel < channels; channel++) {
      const lane = lanes > 1 ? channel : 0;
      const part = laneOf(area, lane, lanes, LANE_GAP_PX * view.ratio);
      if (lanes > 1 || channel === 0) {
        drawGrid(ctx, part, theme, view, layer);
        drawFrame(ctx, part, theme, view.ratio);
        const name = lanes > 1 ? layer.channels[channel] : layer.unit || "linear";
        drawValueAxis(ctx, part, theme, view.ratio, layer, name);
      }
      const colour = theme.colours[PALETTE[lanes > 1 ? 0 : channel % PALETTE.length]];
      const style = layer.kind === "minmax" ? "wave" : "curve";
      ctx.save();
      ctx.beginPath();
      ctx.rect(part.x, part.y, part.width, part.height);
      ctx.clip();
      // Curves over each other stay visible through each other.
      ctx.globalAlpha = layer.kind === "curve" && channel > 0 ? 0.7 : 1;
      drawRanges(ctx, part, layer, channel, segments, this.#get, colour, view.ratio, style);
      ctx.restore();
    }
    return false;
  }

  /** The value of the vertical axis at a height of the canvas (CSS pixels), as the crosshair shows it. */
  valueLabel(y: number, log: boolean): string {
    const share = 1 - (y - GAP_PX) / this.#height;
    const { layer } = this;
    if (share < 0 || share > 1 || layer.buckets === 0) return "";
    if (layer.kind === "image") return formatValue(valueAt(verticalAxis(layer, log), share), layer.y_unit);
    const lanes = laneCount(layer);
    const { y: top, height } = laneOf({ y: GAP_PX, height: this.#height }, 0, lanes, LANE_GAP_PX);
    const inLane = 1 - ((y - top) % (height + LANE_GAP_PX)) / height;
    if (inLane < 0) return "";
    return formatValue(layer.value_min + inLane * (layer.value_max - layer.value_min), layer.unit);
  }

  /** Shows the values at a time; `y` is the pointer's height in the canvas if it is in this pane. */
  read(view: View, time_s: number | null, y: number | null, log: boolean): string {
    const words = time_s === null ? "" : this.words(view, time_s, y, log);
    setText(this.#readout, words);
    return words;
  }

  words(view: View, time_s: number, y: number | null, log: boolean): string {
    const share = y === null ? Number.NaN : 1 - (y - GAP_PX) / this.#height;
    const height = share >= 0 && share <= 1 ? valueAt(verticalAxis(this.layer, log), share) : null;
    return readout(this.layer, this.level(view), time_s, height, this.#get);
  }

  /** A sentence about the picture for those who cannot see it. */
  describe(view: View): void {
    const { layer } = this;
    const parts = [layer.label];
    if (layer.buckets === 0) parts.push(featureWord(layer.state).toLowerCase());
    else parts.push(...this.#ranges(view));
    setAttribute(this.canvas, "aria-label", parts.join(", "));
  }

  #ranges(view: View): string[] {
    const { layer } = this;
    const parts: string[] = [];
    if (layer.kind === "image") parts.push(formatRange(layer.y_min, layer.y_max, layer.y_unit));
    parts.push(formatRange(layer.value_min, layer.value_max, layer.unit));
    if (layer.channels.length > 1) parts.push(`${layer.channels.length} channels`);
    parts.push(`from ${formatTime(view.span[0])} to ${formatTime(view.span[1])}`);
    return parts;
  }
}
