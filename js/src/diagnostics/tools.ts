// What is above the table: the filter, the order, and what is done to everything.

import { freshId, make, OWN_KEYS } from "../dom";
import type { Model } from "../host";
import type { Actions } from "../panel/actions";
import { ActionButton } from "../panel/button";
import { listen } from "../scope";
import { ConfirmButton } from "./confirm";
import type { DiagnosticGroup, Sort } from "./rows";

const SORTS: readonly [Sort, string][] = [
  ["severity", "Severity"],
  ["track", "Track"],
];

export class Tools {
  readonly element: HTMLElement;
  /** How many features could be computed now. */
  fixable = 0;
  readonly #box = make("input", "", { type: "checkbox" });
  readonly #sort = make("select", "acn-select", OWN_KEYS);
  readonly #all: ActionButton;
  readonly #delete: ConfirmButton;

  constructor(
    model: Model,
    readonly actions: Actions,
    signal: AbortSignal,
  ) {
    const id = freshId();
    this.#sort.id = id;
    for (const [value, word] of SORTS) this.#sort.append(make("option", "", { value }, word));
    this.#all = new ActionButton("Regenerate all", () => actions.command("all", "regenerate_all", ""), signal);
    this.#delete = new ConfirmButton(
      "Delete extraneous…",
      "Delete",
      () => actions.command("delete", "delete", ""),
      signal,
    );
    this.element = make(
      "div",
      "acn-tools",
      { role: "group", "aria-label": "All features", ...OWN_KEYS },
      make("label", "", {}, this.#box, " Issues only"),
      make("span", "", {}, make("label", "", { for: id }, "Sort by "), this.#sort),
      make("span", "acn-actions", {}, this.#all.holder, this.#delete.holder),
    );
    const write = (name: string, value: unknown) => {
      model.set(name, value);
      model.save_changes();
    };
    listen(this.#box, "change", () => write("issues_only", this.#box.checked), signal);
    listen(this.#sort, "change", () => write("sort", this.#sort.value), signal);
  }

  update(groups: Iterable<DiagnosticGroup>, issuesOnly: boolean, sort: Sort): void {
    this.#box.checked = issuesOnly;
    this.#sort.value = sort;
    const all = [...groups];
    this.fixable = all.reduce((sum, group) => sum + group.fixable, 0);
    const extraneous = all.reduce((sum, group) => sum + group.extraneous, 0);
    const sizes = all.filter((group) => group.extraneous > 0).map((group) => group.extraneous_size);
    const what = `${extraneous} feature${extraneous === 1 ? "" : "s"}, ${sizes.join(" + ")}`;
    const fix = this.fixable > 0 ? `Compute ${this.fixable} that are missing, stale or failed.` : "All is there.";
    this.#all.update(this.fixable > 0, fix, this.actions.isBusy("all"), "of all tracks");
    const why = extraneous > 0 ? what : "Nothing is there that nobody asks for.";
    this.#delete.update(extraneous > 0, why, this.actions.isBusy("delete"), what, "of all tracks");
  }
}
