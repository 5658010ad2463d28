// What wants an answer: the banner, and work that waits because it is big.

import { KeyedList, make, setAttribute, setHidden, setText } from "../dom";
import { isRecord, type Json, list, record, text } from "../guards";
import { stateIcon } from "../icons";
import type { Actions } from "../panel/actions";
import { ActionButton } from "../panel/button";

export class Banner {
  readonly element: HTMLElement;
  readonly #words = make("span", "acn-call-text");
  readonly #all: ActionButton;
  readonly #dismiss: ActionButton;

  constructor(
    readonly actions: Actions,
    signal: AbortSignal,
  ) {
    this.#all = new ActionButton("Regenerate all", () => this.#press("regenerate_all"), signal);
    this.#dismiss = new ActionButton("Dismiss", () => this.#press("dismiss_banner"), signal);
    const buttons = make("span", "acn-actions", {}, this.#all.holder, this.#dismiss.holder);
    const attributes = { role: "group", "aria-label": "Analysis needs attention" };
    this.element = make("div", "acn-call acn-banner", attributes, stateIcon("failed"), this.#words, buttons);
    this.element.hidden = true;
  }

  /** @param fixable how many features could be computed now. */
  update(banner: unknown, fixable: number): void {
    const { visible, text: words } = record(banner);
    setHidden(this.element, visible !== true);
    setText(this.#words, text(words));
    this.#all.update(
      fixable > 0,
      fixable > 0 ? "" : "Nothing of it can be computed.",
      this.#busy("regenerate_all"),
      "",
    );
    this.#dismiss.update(true, "Hide this until there is a new problem.", this.#busy("dismiss_banner"), "the banner");
  }

  #busy(verb: string): boolean {
    return this.actions.isBusy(`banner\n${verb}`);
  }

  #press(verb: string): void {
    this.actions.command(`banner\n${verb}`, verb, "");
  }
}

class Call {
  readonly element: HTMLElement;
  readonly #title = make("strong");
  readonly #words = make("span");
  readonly #controller = new AbortController();
  readonly #button: ActionButton;
  readonly #group: string;

  constructor(
    waiting: Json,
    readonly actions: Actions,
  ) {
    this.#group = text(waiting.group);
    this.#button = new ActionButton("Compute", () => this.#press(), this.#controller.signal);
    const words = make("span", "acn-call-text", {}, this.#title, " ", this.#words);
    this.element = make("div", "acn-call acn-waiting", {}, stateIcon("stale"), words);
    this.element.append(make("span", "acn-actions", {}, this.#button.holder));
  }

  update(waiting: Json): void {
    setText(this.#title, text(waiting.title));
    setText(this.#words, text(waiting.text));
    setAttribute(this.element, "data-cost", text(waiting.cost));
    this.#button.update(true, text(waiting.cost), this.actions.isBusy(this.#key()), text(waiting.title));
  }

  remove(): void {
    this.#controller.abort();
  }

  #key(): string {
    return `compute\n${this.#group}`;
  }

  #press(): void {
    this.actions.command(this.#key(), "compute", this.#group);
  }
}

export class Waiting {
  readonly element = make("div", "acn-calls");
  readonly #calls: KeyedList<Json, Call>;

  constructor(actions: Actions) {
    this.#calls = new KeyedList(
      this.element,
      (waiting) => text(waiting.group),
      (waiting) => new Call(waiting, actions),
    );
  }

  update(waiting: unknown): void {
    this.#calls.update(list(waiting).filter(isRecord));
  }

  remove(): void {
    for (const call of this.#calls.parts.values()) call.remove();
  }
}
