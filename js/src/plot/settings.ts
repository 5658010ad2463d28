// The row of choices under a plot's title: axes and colours, as plain form controls.

import { make, setAttribute, setHidden, setText } from "../dom";
import { listen } from "../scope";
import type { Choice, Choices } from "./choices";
import { FREQUENCY_AXES, TIME_AXES } from "./choices";
import { COLOUR_MAPS } from "./colormap";
import type { Layer } from "./layer";
import { hasFrequencies } from "./vertical";

const WORDS: ReadonlyMap<string, string> = new Map([
  ["seconds", "Seconds"],
  ["bars", "Bars and beats"],
  ["auto", "As computed"],
  ["linear", "Linear"],
  ["log", "Logarithmic"],
  ["mel", "Mel"],
  ["heat", "Heat"],
  ["sea", "Sea"],
  ["grey", "Grey"],
  ["paper", "Paper"],
  ["balance", "Balance"],
]);
const PLAIN: [Choice, unknown][] = [
  ["colormap", "heat"],
  ["value_min", null],
  ["value_max", null],
  ["gamma", 1],
];

export class Settings {
  readonly element = make("div", "acn-settings", {
    role: "group",
    "aria-label": "Axes and colours",
    "data-lm-suppress-shortcuts": "true",
  });
  readonly #time: HTMLSelectElement;
  readonly #frequency: HTMLSelectElement;
  readonly #colours: HTMLSelectElement;
  readonly #low: HTMLInputElement;
  readonly #high: HTMLInputElement;
  readonly #gamma: HTMLInputElement;
  readonly #gammaWord = make("span", "acn-setting-value");
  readonly #linked: HTMLInputElement;
  readonly #unit = make("span", "acn-setting-value");
  readonly #ofImages: HTMLElement[];
  readonly #ofFrequencies: HTMLElement;

  constructor(
    readonly choices: Choices,
    readonly signal: AbortSignal,
  ) {
    this.#time = this.#select("time_axis", "Time axis", TIME_AXES);
    this.#frequency = this.#select("frequency_axis", "Frequency axis", FREQUENCY_AXES);
    this.#colours = this.#select("colormap", "Colour map", COLOUR_MAPS);
    this.#low = this.#number("value_min", "Colours from");
    this.#high = this.#number("value_max", "Colours to");
    this.#gamma = make("input", "", { type: "range", "aria-label": "Gamma", min: "0.2", max: "3", step: "0.05" });
    listen(this.#gamma, "input", () => choices.set("gamma", Number(this.#gamma.value)), signal);
    this.#linked = make("input", "", { type: "checkbox", "aria-label": "Linked with other plots" });
    listen(this.#linked, "change", () => choices.set("linked", this.#linked.checked), signal);
    const reset = make("button", "acn-button", { type: "button" }, "Reset colours");
    const plain = () => {
      for (const [choice, value] of PLAIN) choices.set(choice, value);
    };
    listen(reset, "click", plain, signal);
    this.#ofFrequencies = label("Frequency", this.#frequency);
    this.#ofImages = [
      label("Colours", this.#colours),
      label("from", this.#low),
      label("to", this.#high, this.#unit),
      label("Gamma", this.#gamma, this.#gammaWord),
      reset,
    ];
    this.element.append(
      label("Time", this.#time),
      this.#ofFrequencies,
      ...this.#ofImages,
      label("Linked", this.#linked),
    );
    this.element.hidden = true;
    // The notebook's own keys must not act while somebody types here.
    listen(this.element, "keydown", (event) => event.stopPropagation(), signal);
  }

  update(layers: readonly Layer[]): void {
    const { choices } = this;
    const images = layers.filter((layer) => layer.kind === "image");
    const first = images.find((layer) => layer.buckets > 0) ?? images[0];
    choices.unit = first?.unit ?? "";
    for (const element of this.#ofImages) setHidden(element, !first);
    setHidden(this.#ofFrequencies, !images.some(hasFrequencies));
    this.#time.value = choices.timeAxis;
    this.#frequency.value = choices.frequencyAxis;
    this.#colours.value = choices.colourMap;
    this.#linked.checked = choices.linked;
    this.#gamma.value = String(choices.gamma);
    setText(this.#gammaWord, choices.gamma.toFixed(2));
    if (!first) return;
    setText(this.#unit, first.unit);
    const step = String(Number(((first.value_max - first.value_min) / 80).toPrecision(1)));
    for (const [input, value] of [
      [this.#low, choices.valueMin ?? first.value_min],
      [this.#high, choices.valueMax ?? first.value_max],
    ] as const) {
      setAttribute(input, "step", step);
      // Not while somebody is writing into it.
      if (document.activeElement !== input) input.value = String(Number(value.toPrecision(4)));
    }
  }

  #select(choice: Choice, name: string, values: readonly string[]): HTMLSelectElement {
    const options = values.map((value) => make("option", "", { value }, WORDS.get(value) ?? value));
    const element = make("select", "", { "aria-label": name }, ...options);
    listen(element, "change", () => this.choices.set(choice, element.value), this.signal);
    return element;
  }

  #number(choice: Choice, name: string): HTMLInputElement {
    const element = make("input", "acn-number", { type: "number", "aria-label": name });
    const read = () => {
      const value = Number.parseFloat(element.value);
      this.choices.set(choice, Number.isFinite(value) ? value : null);
    };
    listen(element, "change", read, this.signal);
    return element;
  }
}

function label(words: string, ...controls: HTMLElement[]): HTMLElement {
  return make("label", "acn-setting", {}, make("span", "", {}, words), ...controls);
}
