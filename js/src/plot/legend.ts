// The names of a pane's curves, each a button that hides it or shows it again.

import { make, setAttribute, setText } from "../dom";
import { listen } from "../scope";
import type { Layer } from "./layer";

export const COLOURS = 6;

export class Legend {
  readonly element = make("span", "acn-legend");
  readonly #hidden = new Set<number>();

  constructor(
    readonly onChange: () => void,
    readonly signal: AbortSignal,
  ) {}

  isShown(channel: number): boolean {
    return !this.#hidden.has(channel);
  }

  update({ kind, channels }: Layer): void {
    const names = kind === "curve" && channels.length > 1 ? channels : [];
    if (this.element.childElementCount !== names.length) {
      this.#hidden.clear();
      this.element.replaceChildren(...names.map((_, channel) => this.#button(channel)));
    }
    names.forEach((name, channel) => {
      const button = this.element.children[channel];
      setText(button, name || String(channel + 1));
      setAttribute(button, "aria-pressed", String(this.isShown(channel)));
    });
  }

  /** The layer with an axis for what is shown of it. */
  fitted(layer: Layer): Layer {
    if (this.#hidden.size === 0 || layer.ranges.length !== layer.channels.length) return layer;
    const shown = layer.ranges.filter((_, channel) => this.isShown(channel));
    if (shown.length === 0) return layer;
    const value_min = Math.min(...shown.map(([low]) => low));
    return { ...layer, value_min, value_max: Math.max(...shown.map(([, high]) => high)) };
  }

  #button(channel: number): HTMLButtonElement {
    const data = { type: "button", "data-colour": String(channel % COLOURS), title: "Show or hide" };
    const button = make("button", "acn-key", data);
    const toggle = () => {
      if (!this.#hidden.delete(channel)) this.#hidden.add(channel);
      setAttribute(button, "aria-pressed", String(this.isShown(channel)));
      this.onChange();
    };
    listen(button, "click", toggle, this.signal);
    return button;
  }
}
