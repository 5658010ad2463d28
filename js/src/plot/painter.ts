// Draws one layer into its area.

import type { ColourName, Theme } from "../theme";
import {
  drawColourBar,
  drawFrame,
  drawGrid,
  drawOutside,
  drawRowAxis,
  drawTimes,
  drawUndone,
  drawValueAxis,
} from "./axes";
import { drawEvents } from "./events";
import { ImagePainter } from "./image";
import { LANE_GAP_PX, laneCount, laneOf } from "./lanes";
import type { Layer } from "./layer";
import type { Legend } from "./legend";
import { address, cover, type Segment } from "./pyramid";
import { drawRanges } from "./ranges";
import type { Scene } from "./scene";
import type { TileStore } from "./tiles";
import { heightOf, verticalAxis } from "./vertical";
import type { Area } from "./view";

type Ctx = CanvasRenderingContext2D;

const PALETTE: readonly ColourName[] = ["c0", "c1", "c2", "c3", "c4", "c5"];

export class Painter {
  readonly #images = new ImagePainter();

  constructor(
    readonly store: TileStore,
    readonly theme: Theme,
    readonly legend: Legend,
  ) {}

  /** @returns whether another frame is needed to finish */
  draw(ctx: Ctx, area: Area, layer: Layer, level: number, scene: Scene): boolean {
    const { ratio } = scene.view;
    if (layer.buckets === 0) {
      // Its ranges are not known yet.
      drawFrame(ctx, area, this.theme, ratio);
      return false;
    }
    let unfinished = false;
    if (layer.kind === "image") unfinished = this.#image(ctx, area, layer, level, scene);
    else if (layer.kind === "events") this.#events(ctx, area, layer, scene);
    else this.#ranges(ctx, area, this.legend.fitted(layer), level, scene);
    if (layer.kind !== "events") drawTimes(ctx, area, scene.view, scene.guides, this.theme.colours.c4, 0.5);
    if (layer.done) drawUndone(ctx, area, this.theme, layer, layer.done);
    if (scene.region) drawOutside(ctx, area, this.theme, scene.view, scene.region);
    return unfinished;
  }

  /** Heights of two values of an image's vertical axis, 0 at the bottom and 1 at the top. */
  shares(layer: Layer, low: number, high: number, scene: Scene): [number, number] {
    const axis = verticalAxis(layer, scene.choices.frequencyAxis);
    const share = (value: number) => Math.min(Math.max(heightOf(axis, value), 0), 1);
    return [share(low), share(high)];
  }

  #image(ctx: Ctx, area: Area, layer: Layer, level: number, scene: Scene): boolean {
    const { view, choices } = scene;
    const [t0_s, t1_s] = view.span;
    const axis = verticalAxis(layer, choices.frequencyAxis);
    const look = choices.lookOf(layer);
    const segments = cover(layer, level, t0_s, t1_s, this.store.shows);
    // The picture of everything comes first: it stands in for what is not coloured yet.
    const overview = address(layer, layer.levels - 1, 0);
    const tiles = [overview, ...segments].map(this.store.get).filter((tile) => tile?.dtype === "uint8");
    const complete = this.#images.prepare(layer, axis, look, area.height, tiles);
    const ready = complete ? segments : cover(layer, level, t0_s, t1_s, this.#isReady);
    drawFrame(ctx, area, this.theme, view.ratio);
    clipped(ctx, area, () => this.#images.draw(ctx, area, layer, ready, this.store.get));
    if (choices.timeAxis === "bars") {
      for (const strong of [false, true]) {
        const times = scene.lines.filter((line) => line.strong === strong).map((line) => line.time_s);
        drawTimes(ctx, area, view, times, this.theme.colours.muted, strong ? 0.65 : 0.25);
      }
    }
    drawRowAxis(ctx, area, this.theme, view.ratio, axis);
    drawColourBar(ctx, area, this.theme, view, layer.unit, look, choices.rangeOf(layer));
    return !complete;
  }

  #isReady = (of: Segment | ReturnType<typeof address>): boolean => {
    const tile = this.store.get(of);
    return tile?.dtype === "uint8" && this.#images.isReady(tile);
  };

  #events(ctx: Ctx, area: Area, layer: Layer, scene: Scene): void {
    this.#times(ctx, area, scene);
    drawFrame(ctx, area, this.theme, scene.view.ratio);
    const { ratio } = scene.view;
    clipped(ctx, area, () => drawEvents(ctx, area, layer, this.store.get, this.theme, this.theme.colours.c4, ratio));
  }

  #ranges(ctx: Ctx, area: Area, layer: Layer, level: number, scene: Scene): void {
    const { theme } = this;
    const { view } = scene;
    const segments = cover(layer, level, view.span[0], view.span[1], this.store.shows);
    const lanes = laneCount(layer);
    const channels = Math.max(1, layer.channels.length);
    for (let channel = 0; channel < channels; channel++) {
      const part = laneOf(area, lanes > 1 ? channel : 0, lanes, LANE_GAP_PX * view.ratio);
      if (lanes > 1 || channel === 0) {
        drawGrid(ctx, part, theme, view, layer);
        this.#times(ctx, part, scene);
        drawFrame(ctx, part, theme, view.ratio);
        const name = lanes > 1 ? layer.channels[channel] : layer.unit || "linear";
        drawValueAxis(ctx, part, theme, view.ratio, layer, name);
      }
      if (!this.legend.isShown(channel) && layer.kind === "curve") continue;
      const colour = theme.colours[PALETTE[lanes > 1 ? 0 : channel % PALETTE.length]];
      const style = layer.kind === "minmax" ? "wave" : "curve";
      clipped(ctx, part, () => {
        // Curves over each other stay visible through each other.
        ctx.globalAlpha = layer.kind === "curve" && channel > 0 ? 0.7 : 1;
        drawRanges(ctx, part, layer, channel, segments, this.store.get, colour, view.ratio, style);
      });
    }
  }

  /** The lines of the time axis, under the data. */
  #times(ctx: Ctx, area: Area, { view, lines, choices }: Scene): void {
    const { colours } = this.theme;
    const times = (strong: boolean) => lines.filter((line) => line.strong === strong).map((line) => line.time_s);
    drawTimes(ctx, area, view, times(false), colours.grid);
    if (choices.timeAxis === "bars") drawTimes(ctx, area, view, times(true), colours.muted, 0.75);
    else drawTimes(ctx, area, view, times(true), colours.grid);
  }
}

function clipped(ctx: Ctx, area: Area, draw: () => void): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(area.x, area.y, area.width, area.height);
  ctx.clip();
  draw();
  ctx.restore();
}
