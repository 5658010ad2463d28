// The list of calculators by family, with a search.

import { freshId, make, OWN_KEYS } from "../dom";
import { isRecord, list, text } from "../guards";
import { listen } from "../scope";

interface Item {
  id: string;
  label: string;
  family: string;
  about: string;
}

const parse = (value: unknown): Item[] =>
  list(value)
    .filter(isRecord)
    .map((one) => ({
      id: text(one.id),
      label: text(one.label),
      family: text(one.family),
      about: text(one.about),
    }));

export class Chooser {
  readonly element: HTMLElement;
  readonly #search = make("input", "acn-select", {
    type: "search",
    placeholder: "Search",
    "aria-label": "Search calculators",
  });
  readonly #list = make("select", "acn-select acn-chooser-list", { size: "11", ...OWN_KEYS });
  readonly #none = make("p", "acn-fine", { role: "status" });
  #items: Item[] = [];
  #chosen = "";
  #drawn = "";

  constructor(chosen: (id: string) => void, signal: AbortSignal) {
    const id = freshId();
    this.#list.id = id;
    this.element = make(
      "div",
      "acn-chooser",
      OWN_KEYS,
      make("label", "acn-field-name", { for: id }, "Calculator"),
      this.#search,
      this.#list,
      this.#none,
    );
    listen(this.#search, "input", () => this.#draw(), signal);
    listen<KeyboardEvent>(
      this.#search,
      "keydown",
      (event) => {
        if (event.key !== "ArrowDown" && event.key !== "Enter") return;
        event.preventDefault();
        this.#list.focus();
        if (this.#list.selectedIndex >= 0 || this.#list.options.length === 0) return;
        this.#list.selectedIndex = 0;
        if (event.key === "Enter") chosen(this.#list.value);
      },
      signal,
    );
    listen(this.#list, "change", () => this.#list.value && chosen(this.#list.value), signal);
  }

  update(catalogue: unknown, chosen: string): void {
    this.#items = parse(catalogue);
    this.#chosen = chosen;
    this.#draw();
  }

  #draw(): void {
    const words = this.#search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.#items.filter(({ id, label, family, about }) => {
      const all = `${id} ${label} ${family} ${about}`.toLowerCase();
      return words.every((word) => all.includes(word));
    });
    const drawn = JSON.stringify(found);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      const groups = new Map<string, HTMLOptGroupElement>();
      const counts = new Map<string, number>();
      for (const { label } of this.#items) counts.set(label, (counts.get(label) ?? 0) + 1);
      for (const { id, label, family, about } of found) {
        const group = groups.get(family) ?? make("optgroup", "", { label: family });
        groups.set(family, group);
        const word = (counts.get(label) ?? 0) > 1 && id !== label ? `${label} (${id})` : label;
        group.append(make("option", "", { value: id, title: `${id}: ${about}` }, word));
      }
      this.#list.replaceChildren(...groups.values());
    }
    this.#list.value = this.#chosen;
    this.#none.textContent = found.length > 0 ? "" : "No calculator matches.";
  }
}
