// Rows and groups of the diagnostics table as the kernel describes them, and the lines they make.

import { finite, isRecord, type Json, list, num, text, whole } from "../guards";

export interface DiagnosticRow {
  id: string;
  group: string;
  name: string;
  label: string;
  calculator: string;
  state: string;
  word: string;
  severity: number;
  issue: boolean;
  busy: boolean;
  reason: string;
  notes: string[];
  owners: string;
  size: string;
  cost: string;
  computed_at: number | null;
  can: string[];
}

export interface DiagnosticGroup {
  id: string;
  title: string;
  profile: string;
  severity: number;
  order: number;
  counts: string;
  size: string;
  fixable: number;
  cost: string;
  extraneous: number;
  extraneous_size: string;
}

const strings = (value: unknown): string[] => list(value).map((item) => text(item));

export function parseRow(id: string, value: Json): DiagnosticRow {
  return {
    id,
    group: text(value.group),
    name: text(value.name),
    label: text(value.label) || text(value.name),
    calculator: text(value.calculator),
    state: text(value.state, "missing"),
    word: text(value.word),
    severity: num(value.severity, 0),
    issue: value.issue === true,
    busy: value.busy === true,
    reason: text(value.reason),
    notes: strings(value.notes),
    owners: text(value.owners),
    size: text(value.size),
    cost: text(value.cost),
    computed_at: finite(value.computed_at),
    can: strings(value.can),
  };
}

export function parseGroup(id: string, value: Json): DiagnosticGroup {
  return {
    id,
    title: text(value.title) || "Untitled",
    profile: text(value.profile),
    severity: num(value.severity, 0),
    order: num(value.order, 0),
    counts: text(value.counts),
    size: text(value.size),
    fixable: whole(value.fixable, 0),
    cost: text(value.cost),
    extraneous: whole(value.extraneous, 0),
    extraneous_size: text(value.extraneous_size),
  };
}

/** Takes things over from a delta: values for what is new or changed, null for what has gone. */
export function merge<T>(things: Map<string, T>, changed: unknown, parse: (id: string, value: Json) => T): void {
  if (!isRecord(changed)) return;
  for (const [id, value] of Object.entries(changed)) {
    if (isRecord(value)) things.set(id, parse(id, value));
    else things.delete(id);
  }
}

export type Line =
  | { kind: "group"; key: string; group: DiagnosticGroup }
  | { kind: "row"; key: string; row: DiagnosticRow; of: string };

export interface Arrangement {
  lines: Line[];
  /** Rows that would be shown if there were no limit. */
  total: number;
}

export type Sort = "severity" | "track";

const byName = (a: DiagnosticRow, b: DiagnosticRow) => a.name.localeCompare(b.name);

/** The lines to show, in order; of very many rows only the first. */
export function arrange(
  groups: ReadonlyMap<string, DiagnosticGroup>,
  rows: ReadonlyMap<string, DiagnosticRow>,
  sort: Sort,
  issuesOnly: boolean,
  limit: number,
): Arrangement {
  const own = new Map<string, DiagnosticRow[]>();
  for (const row of rows.values()) {
    if (issuesOnly && !row.issue && !row.busy) continue;
    const known = own.get(row.group);
    if (known) known.push(row);
    else own.set(row.group, [row]);
  }
  const worst = sort === "severity";
  const sorted = [...groups.values()]
    .filter((group) => own.has(group.id))
    .sort((a, b) => (worst ? b.severity - a.severity : 0) || a.order - b.order || a.profile.localeCompare(b.profile));
  const lines: Line[] = [];
  let total = 0;
  for (const group of sorted) {
    const members = own.get(group.id) ?? [];
    const left = limit - total;
    total += members.length;
    if (left <= 0) continue;
    members.sort((a, b) => (worst ? b.severity - a.severity : 0) || byName(a, b));
    lines.push({ kind: "group", key: `group ${group.id}`, group });
    for (const row of members.slice(0, left)) lines.push({ kind: "row", key: row.id, row, of: group.title });
  }
  return { lines, total };
}
