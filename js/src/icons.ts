// Shapes that tell states apart without colour, and those of the tools; strokes on a 16 by 16 grid.

import { icon } from "./dom";

const RING = "M8 1.8a6.2 6.2 0 1 1 0 12.4a6.2 6.2 0 1 1 0-12.4";
const TURNING = "M8 1.8a6.2 6.2 0 1 1-6.2 6.2";
const LENS = "M6.8 2.5a4.3 4.3 0 1 1 0 8.6a4.3 4.3 0 1 1 0-8.6M10 10l3.8 3.8M4.9 6.8h3.8";

const STATES: ReadonlyMap<string, string> = new Map([
  // of a source
  ["ready", `${RING}M5 8.2l2.1 2.1L11 6.2`],
  ["pending", TURNING],
  ["failed", "M8 2L14.5 13.5H1.5ZM8 6.4v3.4M8 11.4v.4"],
  ["stale", `${RING}M8 4.6V8l2.4 1.6`],
  ["idle", RING],
  // of a feature
  ["missing", "M3 8h10"],
  ["queued", "M3.5 8h.6M7.7 8h.6M11.9 8h.6"],
  ["running", TURNING],
  ["fresh", "M3 8.6l3.2 3.2L13 4.8"],
  ["bad_request", "M4 4l8 8M12 4l-8 8"],
  ["current", "M3 8.6l3.2 3.2L13 4.8"],
  ["extraneous", "M3 5.2l5-2.7l5 2.7v5.6l-5 2.7l-5-2.7ZM3 5.2l5 2.7l5-2.7M8 7.9v5.6"],
  ["dismissed", `${RING}M4 4l8 8`],
  // of a job
  ["succeeded", "M3 8.6l3.2 3.2L13 4.8"],
  ["cancelled", `${RING}M4 4l8 8`],
]);

export function stateIcon(state: string): SVGSVGElement {
  return icon(STATES.get(state) ?? RING);
}

export const TOOLS = {
  zoomIn: `${LENS}M6.8 4.9v3.8`,
  zoomOut: LENS,
  fit: "M2 3v10M14 3v10M4.5 8h7M6.3 6L4.3 8l2 2M9.7 6l2 2l-2 2",
  select: "M2.5 4.5v-2h2M11.5 2.5h2v2M13.5 11.5v2h-2M4.5 13.5h-2v-2M6.5 2.5h3M6.5 13.5h3M2.5 6.5v3M13.5 6.5v3",
  zoomTo: "M2 3v10M14 3v10M4 8h2.5M12 8H9.5M5 6.5L6.6 8L5 9.5M11 6.5L9.4 8l1.6 1.5",
  clear: "M3 3l10 10M13 3L3 13",
  settings: "M2 4.5h7M12.5 4.5H14M10.7 2.7v3.6M2 11.5h1.5M7 11.5h7M5.2 9.7v3.6",
  log: "M2.5 13.5V2.5M2.5 13.5H13.5M2.5 13.5C3.5 6.5 7 4 13.5 3.5",
};
