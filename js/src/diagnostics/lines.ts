// The lines of the table: headings of groups, and features.

import { make, setAttribute, setHidden, setText } from "../dom";
import { formatAge } from "../format";
import { record } from "../guards";
import type { Actions } from "../panel/actions";
import { ActionButton } from "../panel/button";
import { Pill, ProgressBar, parseProgress } from "../status";
import { ConfirmButton } from "./confirm";
import type { DiagnosticGroup, DiagnosticRow, Line } from "./rows";

export const COLUMNS = ["Feature", "State", "Why", "Asked for by", "Size", "Cost to fix", "Age"];

const LABELS: ReadonlyMap<string, string> = new Map([
  ["regenerate", "Regenerate"],
  ["dismiss", "Dismiss"],
  ["restore", "Restore"],
]);

export interface Setting {
  actions: Actions;
  live: () => unknown;
}

class RowLine {
  readonly element = make("tr", "acn-diagnostic");
  readonly #label = make("span", "acn-feature-label");
  readonly #origin = make("span", "acn-fine");
  readonly #pill = new Pill();
  readonly #reason = make("span");
  readonly #notes = make("span", "acn-fine");
  readonly #owners = make("td");
  readonly #size = make("td", "acn-number");
  readonly #cost = make("td", "acn-number");
  readonly #age = make("time");
  readonly #buttons = make("td", "acn-feature-action");
  #update: ((row: DiagnosticRow, of: string) => void)[] = [];
  #can = "";
  #controller = new AbortController();
  #row: DiagnosticRow;

  constructor(
    row: DiagnosticRow,
    readonly setting: Setting,
  ) {
    this.#row = row;
    this.element.append(
      make("th", "", { scope: "row" }, this.#label, this.#origin),
      make("td", "acn-feature-state", {}, this.#pill.element),
      make("td", "acn-why", {}, this.#reason, this.#notes),
      this.#owners,
      this.#size,
      this.#cost,
      make("td", "acn-number", {}, this.#age),
      this.#buttons,
    );
  }

  update(row: DiagnosticRow, of: string): void {
    this.#row = row;
    setAttribute(this.element, "data-state", row.state);
    setText(this.#label, row.label);
    const origin =
      row.calculator && row.name.split(" (")[0] !== row.calculator ? `${row.name} · ${row.calculator}` : row.name;
    setText(this.#origin, origin);
    setHidden(this.#origin, origin === row.label);
    this.#pill.update(row.state, row.word);
    setAttribute(this.#pill.element, "title", row.reason || null);
    setText(this.#reason, row.state === "current" ? "" : row.reason);
    setText(this.#notes, row.notes.join(" "));
    setHidden(this.#notes, row.notes.length === 0);
    setText(this.#owners, row.owners || "–");
    setText(this.#size, row.size || "–");
    setText(this.#cost, row.cost || "–");
    this.age();
    this.#update_buttons(row, of);
  }

  age(): void {
    const { computed_at } = this.#row;
    const date = computed_at === null ? null : new Date(computed_at * 1000);
    const known = date !== null && !Number.isNaN(date.getTime());
    setText(this.#age, known ? formatAge(Date.now() / 1000 - (computed_at ?? 0)) : "–");
    setAttribute(this.#age, "datetime", known ? date.toISOString() : null);
    setAttribute(this.#age, "title", known ? `Computed ${date.toLocaleString()}` : null);
  }

  remove(): void {
    this.#controller.abort();
  }

  #update_buttons(row: DiagnosticRow, of: string): void {
    const can = row.can.join(" ");
    if (can !== this.#can) {
      this.#can = can;
      this.#controller.abort();
      this.#controller = new AbortController();
      this.#update = [];
      this.#buttons.replaceChildren(...row.can.map((verb) => this.#button(verb)));
    }
    for (const update of this.#update) update(row, `${row.label} of ${of}`);
  }

  #button(verb: string): HTMLElement {
    const signal = this.#controller.signal;
    const key = `${verb}\n${this.#row.id}`;
    const { actions } = this.setting;
    const press = () => actions.command(key, verb, this.#row.group, [this.#row.id]);
    if (verb === "delete") {
      const button = new ConfirmButton("Delete…", "Delete", press, signal);
      this.#update.push((row, of) => button.update(true, "", actions.isBusy(key), row.size, of));
      return button.holder;
    }
    const button = new ActionButton(LABELS.get(verb) ?? verb, press, signal);
    this.#update.push((_, of) => button.update(true, "", actions.isBusy(key), of));
    return button.holder;
  }
}

class GroupLine {
  readonly element = make("tr", "acn-group");
  readonly #title = make("span", "acn-name");
  readonly #profile = make("code", "acn-fine");
  readonly #counts = make("span", "acn-fine");
  readonly #bar = new ProgressBar();
  readonly #controller = new AbortController();
  readonly #all: ActionButton;
  readonly #delete: ConfirmButton;
  readonly #stop: ActionButton;
  #group: DiagnosticGroup;

  constructor(
    group: DiagnosticGroup,
    readonly setting: Setting,
  ) {
    this.#group = group;
    const signal = this.#controller.signal;
    const press = (verb: string) => () => setting.actions.command(this.#key(verb), verb, group.id);
    this.#all = new ActionButton("Regenerate all", press("regenerate_all"), signal);
    this.#delete = new ConfirmButton("Delete extraneous…", "Delete", press("delete"), signal);
    this.#stop = new ActionButton("Stop", press("stop"), signal);
    const actions = make("span", "acn-actions", {}, this.#stop.holder, this.#all.holder, this.#delete.holder);
    const head = make("span", "acn-group-head", {}, this.#title, this.#profile, this.#counts, this.#bar.element);
    head.append(actions);
    this.element.append(make("th", "", { scope: "colgroup", colspan: String(COLUMNS.length + 1) }, head));
  }

  update(group: DiagnosticGroup): void {
    this.#group = group;
    setText(this.#title, group.title);
    setText(this.#profile, group.profile);
    setHidden(this.#profile, group.profile === "default");
    setText(this.#counts, group.counts);
    this.live();
    const { actions } = this.setting;
    const busy = (verb: string) => actions.isBusy(this.#key(verb));
    this.#all.update(true, group.cost, busy("regenerate_all"), `of ${group.title}`);
    setHidden(this.#all.holder, group.fixable === 0);
    const what = `${group.extraneous} feature${group.extraneous === 1 ? "" : "s"}, ${group.extraneous_size}`;
    this.#delete.update(group.extraneous > 0, what, busy("delete"), what, `of ${group.title}`);
    setHidden(this.#delete.holder, group.extraneous === 0);
  }

  live(): void {
    const live = record(this.setting.live())[this.#group.id];
    this.#bar.update(live === undefined ? null : parseProgress(record(live)));
    this.#stop.update(true, "Stop analysis", this.setting.actions.isBusy(this.#key("stop")), `of ${this.#group.title}`);
    setHidden(this.#stop.holder, live === undefined);
  }

  remove(): void {
    this.#controller.abort();
  }

  #key(verb: string): string {
    return `${verb}\n${this.#group.id}`;
  }
}

/** One line of either kind, for a keyed list. */
export class TableLine {
  readonly element: HTMLElement;
  readonly #row: RowLine | null = null;
  readonly #group: GroupLine | null = null;

  constructor(line: Line, setting: Setting) {
    if (line.kind === "row") this.#row = new RowLine(line.row, setting);
    else this.#group = new GroupLine(line.group, setting);
    this.element = (this.#row ?? (this.#group as GroupLine)).element;
    this.element.dataset.key = line.key;
  }

  update(line: Line): void {
    if (line.kind === "row") this.#row?.update(line.row, line.of);
    else this.#group?.update(line.group);
  }

  live(): void {
    this.#group?.live();
  }

  age(): void {
    this.#row?.age();
  }

  remove(): void {
    this.#row?.remove();
    this.#group?.remove();
  }
}
