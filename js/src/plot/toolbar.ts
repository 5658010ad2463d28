// The few buttons of a plot.

import { icon, make, setAttribute, setHidden } from "../dom";
import { TOOLS } from "../icons";
import { listen } from "../scope";

export interface Tools {
  zoom(factor: number): void;
  fit(): void;
  toggleLog(): void;
  toggleSelecting(): void;
  zoomToSelection(): void;
  clearSelection(): void;
  toggleSettings(): void;
}

export interface ToolState {
  frequencies: boolean;
  log: boolean;
  selecting: boolean;
  selection: boolean;
  settings: boolean;
}

export class Toolbar {
  readonly element = make("div", "acn-toolbar", { role: "toolbar", "aria-label": "View" });
  readonly #log: HTMLButtonElement;
  readonly #select: HTMLButtonElement;
  readonly #settings: HTMLButtonElement;
  readonly #ofSelection: HTMLButtonElement[];

  constructor(act: Tools, signal: AbortSignal) {
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
    this.#select = button("Select by dragging", "select", () => act.toggleSelecting());
    this.#ofSelection = [
      button("Zoom to the selection", "zoomTo", () => act.zoomToSelection()),
      button("Clear the selection", "clear", () => act.clearSelection()),
    ];
    this.#log = button("Logarithmic frequency axis", "log", () => act.toggleLog());
    this.#settings = button("Axes and colours", "settings", () => act.toggleSettings());
  }

  update(state: ToolState): void {
    setHidden(this.#log, !state.frequencies);
    setAttribute(this.#log, "aria-pressed", String(state.log));
    setAttribute(this.#select, "aria-pressed", String(state.selecting));
    setAttribute(this.#settings, "aria-expanded", String(state.settings));
    for (const button of this.#ofSelection) setHidden(button, !state.selection);
  }
}
