// The few buttons of a plot.

import { icon, make, setAttribute } from "../dom";
import { TOOLS } from "../icons";
import { listen } from "../scope";

export class Toolbar {
  readonly element = make("div", "acn-toolbar", { role: "toolbar", "aria-label": "View" });
  readonly #log: HTMLButtonElement;

  constructor(act: { zoom(factor: number): void; fit(): void; toggleLog(): void }, signal: AbortSignal) {
    const button = (label: string, shape: keyof typeof TOOLS, press: () => void) => {
      const element = make(
        "button",
        "acn-tool",
        { type: "button", "aria-label": label, title: label },
        icon(TOOLS[shape]),
      );
      listen(element, "click", press, signal);
      this.element.append(element);
      return element;
    };
    button("Zoom in", "zoomIn", () => act.zoom(0.5));
    button("Zoom out", "zoomOut", () => act.zoom(2));
    button("Show everything", "fit", () => act.fit());
    this.#log = button("Logarithmic frequency axis", "log", () => act.toggleLog());
  }

  update(hasImage: boolean, log: boolean): void {
    this.#log.hidden = !hasImage;
    setAttribute(this.#log, "aria-pressed", String(log));
  }
}
