// The words of a running analysis.

import { formatEta, formatPercent } from "./format";

export interface Progress {
  /** 0..1, or null while nothing is known yet. */
  value: number | null;
  label: string;
  eta_s: number | null;
}

const LABELS = new Map([
  ["preparing", "Preparing analysis…"],
  ["start", "Preparing analysis…"],
  ["complete", "Finalising analysis…"],
]);

export function progressLabel(value: number | null, label: string): string {
  if (value === null && !label) return "Preparing analysis…";
  if (!label) return "Processing audio features…";
  return LABELS.get(label) ?? label;
}

/** Percentage and time left, as far as they are known. */
export function progressDetail({ value, eta_s }: Progress): string {
  return [value === null ? "" : formatPercent(value), formatEta(eta_s)].filter(Boolean).join(" · ");
}
