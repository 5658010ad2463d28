// What all panes of a plot share while they draw.

import type { TempoMap } from "../tempo";
import type { Choices } from "./choices";
import type { Line } from "./grid";
import type { Span } from "./span";
import type { View } from "./view";

export interface Scene {
  view: View;
  choices: Choices;
  tempo: TempoMap;
  /** Of the time axis. */
  lines: readonly Line[];
  /** Times of events that guide the eye through all drawings. */
  guides: readonly number[];
  /** The part of the recording that is heard, if that is not all of it. */
  region: Span | null;
}
