// Seconds to bars and beats, by the tempo map that the kernel sends.

import { finite, list, record, whole } from "./guards";

export const TICKS_PER_QUARTER = 960;
const SNAP = 1e-9;

export interface BarBeat {
  /** From 1. */
  bar: number;
  /** From 1, with its fraction. */
  beat: number;
}

type Segment = readonly [start_s: number, start_tick: number, rate: number, slope: number];

/** Ticks are the integral of the rate, which is constant or linear in time between two entries. */
export class TempoMap {
  readonly beatsPerBar: number;
  readonly #segments: readonly Segment[];

  constructor(value: unknown) {
    const told = record(value);
    this.beatsPerBar = whole(told.beats_per_bar, 4, 1);
    const rows = list(told.segments).filter(
      (row): row is Segment => Array.isArray(row) && row.length === 4 && row.every((item) => finite(item) !== null),
    );
    this.#segments = rows.length > 0 ? rows : [[0, 0, 2 * TICKS_PER_QUARTER, 0]];
  }

  ticks(time_s: number): number {
    const [start_s, tick, rate, slope] = this.#find(0, time_s);
    const elapsed = time_s - start_s;
    return tick + rate * elapsed + (slope * elapsed * elapsed) / 2;
  }

  seconds(ticks: number): number {
    const [start_s, tick, rate, slope] = this.#find(1, ticks);
    const gone = ticks - tick;
    return start_s + (2 * gone) / (rate + Math.sqrt(Math.max(0, rate * rate + 2 * slope * gone)));
  }

  barBeat(time_s: number): BarBeat {
    let beats = this.ticks(time_s) / TICKS_PER_QUARTER;
    const near = Math.round(beats);
    if (Math.abs(beats - near) <= SNAP * Math.max(1, Math.abs(near))) beats = near;
    const bars = Math.floor(beats / this.beatsPerBar);
    return { bar: bars + 1, beat: beats - bars * this.beatsPerBar + 1 };
  }

  /** The last segment that begins at or before a time (column 0) or a tick (column 1). */
  #find(column: 0 | 1, value: number): Segment {
    let low = 0;
    let high = this.#segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#segments[middle][column] <= value) low = middle;
      else high = middle - 1;
    }
    return this.#segments[low];
  }
}

/** `3.2` is the second beat of the third bar. */
export function formatBarBeat({ bar, beat }: BarBeat): string {
  return `${bar}.${Math.floor(beat)}`;
}
