// One parameter: a slider with a number, a choice, a tick, or a text; and what is wrong with it.

import { freshId, make, OWN_KEYS, setAttribute, setHidden, setText } from "../dom";
import { listen } from "../scope";
import { type Control, firstValue, type Scale, scaleOf, type Value } from "./controls";

const spoken = (name: string) => name.replaceAll("_", " ");

export class Field {
  readonly element: HTMLElement;
  readonly #input: HTMLInputElement | HTMLSelectElement;
  readonly #slider: HTMLInputElement | null = null;
  readonly #automatic: HTMLInputElement | null = null;
  readonly #error = make("span", "acn-field-error");
  readonly #scale: Scale | null;
  readonly #controller = new AbortController();
  #control: Control;
  #value: Value;

  constructor(
    control: Control,
    readonly changed: () => void,
  ) {
    this.#control = control;
    this.#value = control.value;
    this.#scale = scaleOf(control);
    const { signal } = this.#controller;
    const [id, about, error] = [freshId(), freshId(), freshId()];
    const name = spoken(control.name);
    this.#error.id = error;
    this.#input = this.#makeInput(control);
    this.#input.id = id;
    setAttribute(this.#input, "aria-describedby", `${about} ${error}`);
    const box = make("span", "acn-field-box");
    if (this.#scale) {
      this.#slider = make("input", "acn-slider", {
        type: "range",
        min: "0",
        max: String(this.#scale.steps),
        step: "1",
        ...OWN_KEYS,
      });
      setAttribute(this.#slider, "aria-label", name);
      listen(this.#slider, "input", () => this.#take(this.#scale?.at(Number(this.#slider?.value)) ?? null), signal);
      box.append(this.#slider);
    }
    box.append(this.#input, make("span", "acn-fine", {}, control.unit));
    if (control.optional) {
      this.#automatic = make("input", "", { type: "checkbox" });
      listen(
        this.#automatic,
        "change",
        () => this.#take(this.#automatic?.checked ? null : firstValue(this.#control)),
        signal,
      );
      box.append(make("label", "acn-fine", { title: "Let the calculator choose" }, this.#automatic, " auto"));
    }
    listen(
      this.#input,
      control.kind === "bool" || control.kind === "choice" ? "change" : "input",
      () => this.#read(),
      signal,
    );
    this.element = make(
      "div",
      "acn-field",
      { "data-name": control.name },
      make("label", "acn-field-name", { for: id, title: control.about }, name),
      box,
      make("span", "acn-field-about acn-fine", { id: about }, control.about),
      this.#error,
    );
    this.#show();
    this.refuse("");
  }

  get value(): Value {
    return this.#value;
  }

  get isDefault(): boolean {
    return this.#value === this.#control.default;
  }

  set value(value: Value) {
    this.#value = value;
    this.#show();
  }

  refuse(message: string): void {
    setText(this.#error, message);
    setHidden(this.#error, !message);
    setAttribute(this.#input, "aria-invalid", message ? "true" : null);
  }

  remove(): void {
    this.#controller.abort();
  }

  #makeInput({ kind, choices, minimum, maximum }: Control): HTMLInputElement | HTMLSelectElement {
    if (kind === "bool") return make("input", "", { type: "checkbox" });
    if (kind === "choice") {
      const options = choices.map((choice, k) => make("option", "", { value: String(k) }, String(choice)));
      return make("select", "acn-select", OWN_KEYS, ...options);
    }
    if (kind === "text") return make("input", "acn-select", { type: "text" });
    const input = make("input", "acn-select acn-number-input", { type: "number", step: kind === "int" ? "1" : "any" });
    if (minimum !== null) input.min = String(minimum);
    if (maximum !== null && !choices.length && this.#control.unit !== "Hz") input.max = String(maximum);
    return input;
  }

  #read(): void {
    const { kind, choices } = this.#control;
    const input = this.#input;
    if (kind === "bool") this.#take((input as HTMLInputElement).checked);
    else if (kind === "choice") this.#take(choices[Number(input.value)]);
    else if (kind === "text") this.#take(input.value);
    else if (input.value.trim() !== "" && Number.isFinite(Number(input.value))) this.#take(Number(input.value), false);
  }

  #take(value: Value, show = true): void {
    this.#value = value;
    this.#show(show);
    this.changed();
  }

  /** @param numbers also in the box in which somebody may be typing. */
  #show(numbers = true): void {
    const value = this.#value;
    const input = this.#input;
    const { kind, choices } = this.#control;
    const automatic = this.#automatic !== null && value === null;
    if (this.#automatic) this.#automatic.checked = automatic;
    input.disabled = automatic;
    if (kind === "bool") (input as HTMLInputElement).checked = value === true;
    else if (kind === "choice") input.value = String(choices.indexOf(value));
    else if (numbers) input.value = value === null ? "" : String(value);
    if (!this.#slider || !this.#scale) return;
    this.#slider.disabled = automatic;
    if (typeof value !== "number") return;
    this.#slider.value = String(Math.round(this.#scale.of(value)));
    setAttribute(this.#slider, "aria-valuetext", `${value} ${this.#control.unit}`.trim());
  }
}
