// Controls as the kernel describes them, and where a slider stands for a value.

import { clamp, finite, isRecord, type Json, list, text } from "../guards";

export type Value = number | string | boolean | null;

export interface Control {
  group: "params" | "profile";
  name: string;
  kind: "int" | "float" | "bool" | "choice" | "text";
  value: Value;
  default: Value;
  minimum: number | null;
  maximum: number | null;
  choices: Value[];
  optional: boolean;
  unit: string;
  about: string;
}

const KINDS = new Set(["int", "float", "bool", "choice", "text"]);

function scalar(value: unknown): Value {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  return typeof value === "string" || typeof value === "boolean" ? value : null;
}

function parseControl(value: Json): Control {
  const kind = text(value.kind);
  return {
    group: value.group === "profile" ? "profile" : "params",
    name: text(value.name),
    kind: KINDS.has(kind) ? (kind as Control["kind"]) : "text",
    value: scalar(value.value),
    default: scalar(value.default),
    minimum: finite(value.minimum),
    maximum: finite(value.maximum),
    choices: list(value.choices).map(scalar),
    optional: value.optional === true,
    unit: text(value.unit),
    about: text(value.about),
  };
}

export const parseControls = (value: unknown): Control[] => list(value).filter(isRecord).map(parseControl);

export interface Scale {
  steps: number;
  /** The value at a position 0..steps. */
  at(position: number): number;
  /** The position nearest to a value. */
  of(value: number): number;
}

const STEPS = 1000;

/** A slider for a control; null if it has no ends. Wide ranges are bent, so that small values can be set, too. */
export function scaleOf(control: Control): Scale | null {
  const { kind, minimum, maximum } = control;
  if (kind !== "int" && kind !== "float") return null;
  const sizes = control.choices.filter(
    (one): one is number => typeof one === "number" && one >= (minimum ?? one) && one <= (maximum ?? one),
  );
  if (sizes.length > 1) {
    const nearest = (value: number) =>
      sizes.reduce((best, size, k) => (Math.abs(size - value) < Math.abs(sizes[best] - value) ? k : best), 0);
    return {
      steps: sizes.length - 1,
      at: (position) => sizes[clamp(Math.round(position), 0, sizes.length - 1)],
      of: nearest,
    };
  }
  if (minimum === null || maximum === null || !(minimum < maximum)) return null;
  const span = maximum - minimum;
  const tidy = (position: number, value: number) => {
    if (position <= 0 || position >= STEPS) return position <= 0 ? minimum : maximum;
    return clamp(kind === "int" ? Math.round(value) : Number(value.toPrecision(3)), minimum, maximum);
  };
  if (kind === "int" && span <= 500) {
    return {
      steps: span,
      at: (position) => minimum + Math.round(position),
      of: (value) => Math.round(value - minimum),
    };
  }
  if (span <= 500 && !(minimum > 0 && maximum / minimum >= 1000)) {
    return {
      steps: STEPS,
      at: (p) => tidy(p, minimum + (p / STEPS) * span),
      of: (v) => ((v - minimum) / span) * STEPS,
    };
  }
  const bend = minimum > 0 ? minimum : span / 1000;
  const grown = Math.log1p(span / bend);
  return {
    steps: STEPS,
    at: (position) => tidy(position, minimum + bend * Math.expm1((position / STEPS) * grown)),
    of: (value) => (Math.log1p(clamp(value - minimum, 0, span) / bend) / grown) * STEPS,
  };
}

/** What an optional parameter is when it is set by hand for the first time. */
export function firstValue(control: Control): Value {
  const scale = scaleOf(control);
  if (!scale) return control.kind === "text" ? "" : (control.minimum ?? 0);
  return scale.at(control.name.includes("max") ? scale.steps : scale.steps / 2);
}
