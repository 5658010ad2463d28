// Colours for the canvas. The style sheet decides them (JupyterLab's variables where there are some, light-dark()
// elsewhere); a canvas cannot read variables, so they are resolved here, and again whenever the theme may have changed.

import { make } from "./dom";
import { listen, onAbort } from "./scope";

const NAMES = ["bg", "fg", "muted", "grid", "c0", "c1", "c2", "c3", "c4", "c5"] as const;

export type ColourName = (typeof NAMES)[number];
export type Colours = Readonly<Record<ColourName, string>>;

export class Theme {
  colours: Colours;
  font = "sans-serif";
  readonly #probe = make("span", "acn-probe", { "aria-hidden": "true" });

  constructor(
    readonly root: HTMLElement,
    readonly onChange: () => void,
    signal: AbortSignal,
  ) {
    root.append(this.#probe);
    this.colours = this.#read();
    const check = () => this.refresh();
    const observer = new MutationObserver(check);
    // JupyterLab, VS Code and plain pages mark their theme on one of these.
    const attributeFilter = ["data-jp-theme-light", "data-jp-theme-name", "data-vscode-theme-kind", "class", "style"];
    observer.observe(document.body, { attributes: true, attributeFilter });
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ["class", "style", "data-theme"] });
    onAbort(signal, () => observer.disconnect());
    listen(matchMedia("(prefers-color-scheme: dark)"), "change", check, signal);
    // JupyterLab marks the body before the new theme's sheet has arrived.
    listen(document, "load", check, signal, { capture: true });
  }

  /** Reads the colours again; tells the view if any is another. */
  refresh(): void {
    const colours = this.#read();
    if (NAMES.every((name) => colours[name] === this.colours[name])) return;
    this.colours = colours;
    this.onChange();
  }

  #read(): Colours {
    const style = getComputedStyle(this.#probe);
    const colours = {} as Record<ColourName, string>;
    for (const name of NAMES) {
      this.#probe.style.color = `var(--acn-${name})`;
      colours[name] = style.color || "gray";
    }
    this.font = style.fontFamily || "sans-serif";
    return colours;
  }
}

export function reducedMotion(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
