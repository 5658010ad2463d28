// Keeps the focus where somebody works while lines move, change and go; and moves it with the arrow keys.

import { listen } from "../scope";

const BUTTONS = "button:not([hidden] button)";

const buttonsOf = (line: Element | undefined) => (line ? [...line.querySelectorAll<HTMLButtonElement>(BUTTONS)] : []);

/** The button of a line that does the same, or else the first. */
function counterpart(line: Element | undefined, label: string): HTMLButtonElement | undefined {
  const buttons = buttonsOf(line);
  return buttons.find((button) => button.textContent === label) ?? buttons[0];
}

export class FocusKeeper {
  constructor(
    readonly body: HTMLElement,
    /** Where the focus goes when nothing is left. */
    readonly last: HTMLElement,
    signal: AbortSignal,
  ) {
    listen<KeyboardEvent>(body, "keydown", (event) => this.#arrow(event), signal);
  }

  /** Runs a change of the lines; whoever had the focus has it afterwards, or what took the place does. */
  during(change: () => void): void {
    const active = (this.body.getRootNode() as Document | ShadowRoot).activeElement;
    if (!(active instanceof HTMLElement) || !this.body.contains(active)) {
      change();
      return;
    }
    const line = active.closest("tr");
    const place = [...this.body.children].indexOf(line as Element);
    const label = active.textContent ?? "";
    change();
    if (this.body.contains(active)) {
      if (this.body.ownerDocument.activeElement !== active) active.focus({ preventScroll: true });
      return;
    }
    const lines = [...this.body.children];
    const after = line?.isConnected ? [line, ...lines.slice(place)] : lines.slice(place);
    const found = after.map((one) => counterpart(one, label)).find((button) => button !== undefined);
    (found ?? this.last).focus({ preventScroll: true });
  }

  #arrow(event: KeyboardEvent): void {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const button = event.target;
    if (step === 0 || !(button instanceof HTMLButtonElement)) return;
    event.preventDefault();
    event.stopPropagation();
    const lines = [...this.body.children];
    let place = lines.indexOf(button.closest("tr") as Element) + step;
    for (; place >= 0 && place < lines.length; place += step) {
      const next = counterpart(lines[place], button.textContent ?? "");
      if (!next) continue;
      next.focus();
      return;
    }
  }
}
