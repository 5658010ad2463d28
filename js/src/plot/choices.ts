// What can be chosen about a plot, as the traits hold it; the page acts on it at once and tells the kernel.

import { clamp, finite, text } from "../guards";
import type { Model } from "../host";
import { onModel, throttle } from "../scope";
import { COLOUR_MAPS, type ColourMap, type Look } from "./colormap";
import type { TimeAxis } from "./grid";
import type { Layer } from "./layer";
import type { FrequencyAxis } from "./vertical";

const SAVE_MS = 100;
export const TIME_AXES: readonly TimeAxis[] = ["seconds", "bars"];
export const FREQUENCY_AXES: readonly FrequencyAxis[] = ["auto", "linear", "log", "mel"];
const TRAITS = ["linked", "time_axis", "frequency_axis", "colormap", "value_min", "value_max", "gamma"] as const;

export type Choice = (typeof TRAITS)[number];

function oneOf<T extends string>(value: unknown, known: readonly T[]): T {
  return known.includes(text(value) as T) ? (value as T) : known[0];
}

export class Choices {
  timeAxis: TimeAxis = "seconds";
  frequencyAxis: FrequencyAxis = "auto";
  colourMap: ColourMap = "heat";
  valueMin: number | null = null;
  valueMax: number | null = null;
  gamma = 1;
  linked = false;
  /** Unit of the values that the range is meant for. */
  unit = "";
  readonly #save: () => void;

  constructor(
    readonly model: Model,
    readonly onChange: () => void,
    signal: AbortSignal,
  ) {
    this.#save = throttle(() => model.save_changes(), SAVE_MS, signal);
    for (const trait of TRAITS) onModel(model, `change:${trait}`, () => this.#changed(), signal);
    this.#read();
  }

  set(choice: Choice, value: unknown): void {
    this.model.set(choice, value);
    this.#changed();
    this.#save();
  }

  /** The colours of an image; the range goes for all images of one unit. */
  lookOf(layer: Layer): Look {
    const { low, high } = this.rangeOf(layer);
    const width = layer.value_max - layer.value_min;
    const share = (value: number) => (value - layer.value_min) / width;
    return { map: this.colourMap, low: share(low), high: share(high), gamma: this.gamma };
  }

  rangeOf(layer: Layer): { low: number; high: number } {
    const meant = layer.unit === this.unit;
    const low = (meant ? this.valueMin : null) ?? layer.value_min;
    const high = (meant ? this.valueMax : null) ?? layer.value_max;
    return high > low ? { low, high } : { low, high: low + 1e-3 * (layer.value_max - layer.value_min) };
  }

  #changed(): void {
    this.#read();
    this.onChange();
  }

  #read(): void {
    const { model } = this;
    this.timeAxis = oneOf(model.get("time_axis"), TIME_AXES);
    this.frequencyAxis = oneOf(model.get("frequency_axis"), FREQUENCY_AXES);
    this.colourMap = oneOf(model.get("colormap"), COLOUR_MAPS);
    this.valueMin = finite(model.get("value_min"));
    this.valueMax = finite(model.get("value_max"));
    this.gamma = clamp(finite(model.get("gamma")) ?? 1, 0.1, 10);
    this.linked = model.get("linked") === true;
  }
}
