// The elements of a plot, in their order.

import { freshId, make } from "../dom";
import { Pill, ProgressBar } from "../status";

const KEYS =
  "ArrowLeft ArrowRight ArrowUp ArrowDown Shift+ArrowLeft Shift+ArrowRight PageUp PageDown Plus Minus 0 Home End " +
  "BracketLeft BracketRight Delete z Enter Space Escape";
const HELP =
  "Left and right arrow keys pan, up and down or plus and minus zoom, Home and End go to the ends, 0 shows everything. " +
  "Shift with an arrow key moves the read-out. Enter sends the playhead there, Space plays and pauses. " +
  "Opening and closing bracket mark where a selection starts and ends, z zooms to it, Delete clears it. Escape leaves.";

export interface Frame {
  figure: HTMLElement;
  plot: HTMLElement;
  panes: HTMLElement;
  axis: HTMLCanvasElement;
  title: HTMLElement;
  pill: Pill;
  bar: ProgressBar;
  empty: HTMLElement;
  hint: HTMLElement;
}

export function buildFrame(
  toolbar: HTMLElement,
  settings: HTMLElement,
  overlays: readonly HTMLElement[],
  announcer: HTMLElement,
): Frame {
  const help = make("span", "acn-ears", { id: freshId() }, HELP);
  const hint = make("div", "acn-hint", { "aria-hidden": "true" }, "Click the plot, then the wheel zooms");
  const panes = make("div", "acn-panes");
  const empty = make("p", "acn-empty", {}, "Nothing to plot yet.");
  const axis = make("canvas", "acn-canvas", { "aria-hidden": "true" });
  const attributes = {
    tabindex: "0",
    role: "application",
    "aria-roledescription": "plot",
    "aria-keyshortcuts": KEYS,
    "aria-describedby": help.id,
  };
  const plot = make("div", "acn-plot", attributes, panes, empty, axis, ...overlays, hint);
  const title = make("h3", "acn-title");
  const pill = new Pill();
  const bar = new ProgressBar();
  const head = make("header", "acn-plot-head", {}, title, pill.element, bar.element, toolbar);
  const figure = make("section", "acn-figure", {}, head, settings, plot, help, announcer);
  return { figure, plot, panes, axis, title, pill, bar, empty, hint };
}
