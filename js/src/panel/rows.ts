// One card of the panel, as the `rows` trait describes it.

import { finite, isRecord, type Json, list, record, text, whole } from "../guards";
import { parseStatus, type Status } from "../status";

export interface FeatureRow {
  slot: string;
  label: string;
  feature: string;
  calculator: string;
  version: string;
  unit: string;
  shape: string;
  size: string;
  parameters: string;
  state: string;
  reason: string;
  error: string;
  can_reanalyze: boolean;
  why: string;
}

export interface TrackRow {
  track_id: string;
  source_id: string;
  status: Status;
  updated_at: number | null;
  audio: string;
  health: string;
  summary: string;
  can_stop: boolean;
  stop_reason: string;
  can_restart: boolean;
  restart_reason: string;
  /** How many features are stale. */
  stale: number;
  /** What it costs to compute what waits; empty if nothing does. */
  cost: string;
  features: FeatureRow[];
}

function parseFeature(value: Json): FeatureRow {
  const version = value.version;
  return {
    slot: text(value.slot),
    label: text(value.label) || text(value.feature),
    feature: text(value.feature),
    calculator: text(value.calculator),
    version: typeof version === "number" ? String(version) : text(version),
    unit: text(value.unit),
    shape: text(value.shape),
    size: text(value.size),
    parameters: text(value.parameters),
    state: text(value.state, "missing"),
    reason: text(value.reason),
    error: text(value.error),
    can_reanalyze: value.can_reanalyze === true,
    why: text(value.why),
  };
}

/** @param live what changed since the row was sent: `{value, label, eta_s}`, only while the source is pending. */
export function parseRow(value: Json, live: Json): TrackRow {
  return {
    track_id: text(value.track_id),
    source_id: text(value.source_id),
    status: parseStatus({ ...value, progress: live.value, label: live.label, eta_s: live.eta_s }),
    updated_at: finite(value.updated_at),
    audio: text(value.audio),
    health: text(value.health),
    summary: text(value.summary),
    can_stop: value.can_stop === true,
    stop_reason: text(value.stop_reason),
    can_restart: value.can_restart === true,
    restart_reason: text(value.restart_reason),
    stale: whole(value.stale, 0),
    cost: text(value.cost),
    features: list(value.features).filter(isRecord).map(parseFeature),
  };
}

export function parseRows(rows: unknown, live: unknown): TrackRow[] {
  const now = record(live);
  return list(rows)
    .filter(isRecord)
    .map((row) => parseRow(row, record(now[text(row.track_id)])));
}

const FEATURE_WORDS: ReadonlyMap<string, string> = new Map([
  ["missing", "Not computed"],
  ["queued", "Queued"],
  ["running", "Running…"],
  ["fresh", "Up to date"],
  ["stale", "Stale"],
  ["failed", "Failed"],
  ["bad_request", "Bad request"],
]);

export function featureWord(state: string): string {
  return FEATURE_WORDS.get(state) ?? state;
}

/** `Key: rms · Calculator: mvmnt.rms · v1` */
export function featureOrigin({ feature, calculator, version }: FeatureRow): string {
  const parts = [`Key: ${feature}`];
  if (calculator) parts.push(`Calculator: ${calculator}`);
  if (version) parts.push(/^\d/.test(version) ? `v${version}` : version);
  return parts.join(" · ");
}

/** What a line says below its state: nothing where all is well, and nothing twice. */
export function featureReason({ state, reason, error }: FeatureRow): string {
  if (state === "fresh") return error;
  if (reason.includes(error)) return reason;
  return error.includes(reason) ? error : `${reason} ${error}`;
}
