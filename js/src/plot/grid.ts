// Where the lines of the time axis are: at round seconds, or at the bars and beats of the tempo map.

import { formatTime } from "../format";
import type { TempoMap } from "../tempo";
import { TICKS_PER_QUARTER } from "../tempo";
import { timeTicks } from "./ticks";
import { innerWidth, type View } from "./view";

const TIME_LABEL_PX = 72;
const BAR_LABEL_PX = 48;
const LINE_PX = 9;
const SIXTEENTHS = TICKS_PER_QUARTER / 4;
const MOST_LINES = 2000;

export interface Line {
  time_s: number;
  /** Stands out: a bar among beats, a labelled time among others. */
  strong: boolean;
  label: string;
}

export type TimeAxis = "seconds" | "bars";

/** The lines of what is visible, in order. */
export function timeLines(view: View, axis: TimeAxis, tempo: TempoMap): Line[] {
  if (axis === "bars") return barLines(view, tempo);
  const [t0_s, t1_s] = view.span;
  const { values, decimals } = timeTicks(t0_s, t1_s, innerWidth(view) / TIME_LABEL_PX);
  return values.map((time_s) => ({ time_s, strong: true, label: formatTime(time_s, decimals) }));
}

/** Sixteenths, beats, bars, and powers of two of bars: the steps people count in. */
function steps(beatsPerBar: number): number[] {
  const bar = beatsPerBar * TICKS_PER_QUARTER;
  const found = [SIXTEENTHS, TICKS_PER_QUARTER];
  for (let step = bar; step < bar * 2 ** 24; step *= 2) found.push(step);
  return found;
}

function barLines(view: View, tempo: TempoMap): Line[] {
  const [t0_s, t1_s] = view.span;
  const first = tempo.ticks(t0_s);
  const last = tempo.ticks(t1_s);
  if (!(last > first)) return [];
  const px = innerWidth(view) / (last - first);
  const known = steps(tempo.beatsPerBar);
  const bar = tempo.beatsPerBar * TICKS_PER_QUARTER;
  const fine = known.find((step) => step * px >= LINE_PX) ?? known[known.length - 1];
  const labelled = known.find((step) => step >= fine && step * px >= BAR_LABEL_PX) ?? known[known.length - 1];
  const lines: Line[] = [];
  for (let k = Math.ceil(first / fine - 1e-9); k * fine <= last + 1e-6 && lines.length < MOST_LINES; k++) {
    const ticks = k * fine;
    const strong = ticks % (fine < bar ? bar : labelled) === 0;
    const label = ticks % labelled === 0 ? barLabel(ticks, tempo.beatsPerBar) : "";
    lines.push({ time_s: tempo.seconds(ticks), strong, label });
  }
  return lines;
}

/** `5`, `5.2` for the second beat of bar 5, `5.2.3` for its third sixteenth; bars before time zero are below 1. */
export function barLabel(ticks: number, beatsPerBar: number): string {
  const bar = Math.floor(ticks / (beatsPerBar * TICKS_PER_QUARTER));
  const rest = ticks - bar * beatsPerBar * TICKS_PER_QUARTER;
  const beat = Math.floor(rest / TICKS_PER_QUARTER);
  const sixteenth = Math.floor((rest - beat * TICKS_PER_QUARTER) / SIXTEENTHS);
  const name = String(bar + 1).replace("-", "\u2212");
  if (sixteenth > 0) return `${name}.${beat + 1}.${sixteenth + 1}`;
  return beat > 0 ? `${name}.${beat + 1}` : name;
}
