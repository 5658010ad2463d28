// Times as ears want them.

import { formatNumber } from "../format";
import type { TempoMap } from "../tempo";

const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? "" : "s"}`;

/** "1 minute 3.2 seconds". */
export function spokenTime(seconds: number): string {
  const tenths = Math.round(Math.max(0, seconds) * 10);
  const hours = Math.floor(tenths / 36_000);
  const minutes = Math.floor(tenths / 600) % 60;
  const parts = [
    hours > 0 ? plural(hours, "hour") : "",
    minutes > 0 ? plural(minutes, "minute") : "",
    `${formatNumber((tenths % 600) / 10, 1)} seconds`,
  ];
  return parts.filter(Boolean).join(" ");
}

/** "1 minute 3.2 seconds, bar 3 beat 2". */
export function spokenPosition(seconds: number, tempo: TempoMap): string {
  const { bar, beat } = tempo.barBeat(seconds);
  return `${spokenTime(seconds)}, bar ${bar} beat ${Math.floor(beat)}`;
}
