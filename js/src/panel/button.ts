// A button that says why it cannot be pressed, and that shows when it is at work.

import { freshId, make, setAttribute, setText } from "../dom";
import { listen } from "../scope";

export class ActionButton {
  readonly element: HTMLButtonElement;
  /** The button and its spoken reason; this is what goes into the page. */
  readonly holder: HTMLElement;
  readonly #reason: HTMLElement;
  #allowed = false;

  constructor(
    readonly label: string,
    press: () => void,
    signal: AbortSignal,
  ) {
    const id = freshId();
    this.#reason = make("span", "acn-ears", { id });
    this.element = make("button", "acn-button", { type: "button", "aria-describedby": id }, label);
    this.holder = make("span", "acn-button-holder", {}, this.element, this.#reason);
    listen(this.element, "click", () => this.#allowed && press(), signal);
  }

  /** @param of what the button acts on, for its accessible name. */
  update(allowed: boolean, reason: string, busy: boolean, of: string): void {
    this.#allowed = allowed && !busy;
    // aria-disabled instead of disabled: the focus stays, and the reason can be reached by keyboard.
    setAttribute(this.element, "aria-disabled", this.#allowed ? null : "true");
    setAttribute(this.element, "aria-busy", busy ? "true" : null);
    setAttribute(this.element, "aria-label", `${this.label} ${of}`);
    setAttribute(this.element, "title", reason || null);
    setText(this.#reason, reason);
  }
}
