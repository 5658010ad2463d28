// A button for what cannot be undone: it asks, and the careful answer has the focus.

import { freshId, make, setText } from "../dom";
import { ActionButton } from "../panel/button";
import { listen } from "../scope";

export class ConfirmButton {
  readonly holder = make("span", "acn-confirm");
  readonly #ask: ActionButton;
  readonly #yes: ActionButton;
  readonly #keep: ActionButton;
  readonly #question: HTMLElement;
  readonly #box: HTMLElement;

  constructor(
    label: string,
    verb: string,
    readonly confirmed: () => void,
    signal: AbortSignal,
  ) {
    const id = freshId();
    this.#ask = new ActionButton(label, () => this.#open(true), signal);
    this.#yes = new ActionButton(verb, () => this.#press(), signal);
    this.#keep = new ActionButton("Keep", () => this.#open(false), signal);
    this.#question = make("span", "", { id });
    this.#box = make("span", "acn-confirm-box", { role: "group", "aria-labelledby": id }, this.#question);
    this.#box.append(this.#yes.holder, this.#keep.holder);
    this.#box.hidden = true;
    this.holder.append(this.#ask.holder, this.#box);
    listen<KeyboardEvent>(
      this.#box,
      "keydown",
      (event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        this.#open(false);
      },
      signal,
    );
  }

  /** @param what is asked about, as in "Delete 3 features, 12 MB?" */
  update(allowed: boolean, reason: string, busy: boolean, what: string, of: string): void {
    this.#ask.update(allowed, reason, busy, of);
    this.#yes.update(allowed, "", busy, what);
    this.#keep.update(true, "", false, what);
    setText(this.#question, `${this.#yes.label} ${what}?`);
    if (!allowed && !this.#box.hidden) this.#show(false);
  }

  #press(): void {
    this.#open(false);
    this.confirmed();
  }

  #open(open: boolean): void {
    this.#show(open);
    (open ? this.#keep : this.#ask).element.focus();
  }

  #show(open: boolean): void {
    this.#box.hidden = !open;
    this.#ask.holder.hidden = open;
  }
}
