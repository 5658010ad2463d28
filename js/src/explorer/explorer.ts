// CalculatorExplorer: a calculator, its parameters, and what comes out of it, at once.

import { Announcer } from "../announcer";
import { place } from "../children";
import { freshId, make, OWN_KEYS, setHidden, setText } from "../dom";
import { record, text } from "../guards";
import type { Host, Model } from "../host";
import type { Hub } from "../hub";
import { Actions } from "../panel/actions";
import { ActionButton } from "../panel/button";
import { listen, onAbort, onModel } from "../scope";
import { Pill, ProgressBar, parseProgress } from "../status";
import { Chooser } from "./chooser";
import { type Control, parseControls, type Value } from "./controls";
import { Draft, type Settings } from "./draft";
import { Field } from "./field";

/** What makes controls others than before: all but their values. */
const shapeOf = (controls: readonly Control[]) => JSON.stringify(controls.map((one) => ({ ...one, value: null })));

export function renderExplorer(
  model: Model,
  hub: Hub,
  host: Host | undefined,
  root: HTMLElement,
  signal: AbortSignal,
): void {
  const id = freshId();
  const announcer = Announcer.region(signal);
  const heading = make("h2", "acn-title", { id });
  const about = make("p", "acn-fine");
  const fields = make("div", "acn-fields");
  const pill = new Pill();
  const facts = make("span", "acn-call-text");
  const bar = new ProgressBar();
  const notice = make("p", "acn-notice", { role: "alert" });
  const code = make("code", "acn-code-text", { tabindex: "0" });
  const copied = make("span", "acn-fine", { role: "status" });
  const actions = new Actions(hub, signal, ({ kind, message }) => {
    say(kind === "refused" || kind === "silent" ? message : "", "");
    update();
  });
  const compute = new ActionButton("Compute", () => actions.command("compute", "compute", ""), signal);
  const reset = make("button", "acn-button", { type: "button" }, "Reset to defaults");
  const copy = make("button", "acn-button", { type: "button" }, "Copy as code");
  const chooser = new Chooser((chosen) => choose(chosen), signal);
  const draft = new Draft(
    hub,
    (message, parameter) => {
      say(message, parameter);
      update();
    },
    signal,
  );
  root.append(
    make(
      "section",
      "acn-panel acn-explorer",
      { "aria-labelledby": id },
      heading,
      make(
        "div",
        "acn-explorer-grid",
        {},
        chooser.element,
        make(
          "form",
          "acn-explorer-form",
          { "aria-label": "Parameters", ...OWN_KEYS },
          about,
          fields,
          make("div", "acn-explorer-buttons", {}, reset, copy, copied),
          make("pre", "acn-code", {}, code),
        ),
      ),
      make("div", "acn-explorer-result", {}, pill.element, facts, bar.element, compute.holder),
      notice,
      place(model, host, "plot", signal),
      announcer.element,
    ),
  );

  let shape = "";
  let controls: Control[] = [];
  let shown: Field[] = [];

  function settings(): Settings {
    const found: Settings = { calculator: text(model.get("calculator")), params: {}, profile: {} };
    controls.forEach(({ group, name }, k) => {
      if (!shown[k].isDefault) found[group][name] = shown[k].value;
    });
    return found;
  }

  function choose(calculator: string): void {
    // What frames are is kept from one calculator to the next.
    const profile: Record<string, Value> = settings().profile;
    draft.set({ calculator, params: {}, profile }, 0);
  }

  function say(message: string, parameter: string): void {
    const own = controls.findIndex(({ name }) => name === parameter);
    shown.forEach((field, k) => {
      field.refuse(k === own ? message : "");
    });
    setText(notice, own >= 0 ? "" : message);
    setHidden(notice, own >= 0 || !message);
    if (message) announcer.say(message);
  }

  function update(): void {
    const found = parseControls(model.get("controls"));
    const calculator = text(model.get("calculator"));
    const now = calculator + shapeOf(found);
    if (now !== shape) {
      shape = now;
      controls = found;
      for (const field of shown) field.remove();
      shown = found.map((control) => new Field(control, () => draft.set(settings())));
      fields.replaceChildren(...shown.map((field) => field.element));
    } else if (!draft.pending && !fields.querySelector("[aria-invalid]")) {
      // Not under somebody's hand.
      found.forEach(({ value }, k) => {
        if (shown[k].value !== value) shown[k].value = value;
      });
    }
    setText(heading, `Calculator explorer · ${text(model.get("title"))}`);
    setText(about, text(model.get("about")));
    chooser.update(model.get("catalogue"), calculator);
    setText(code, text(model.get("code")));
    const result = record(model.get("result"));
    const cost = text(result.cost);
    pill.update(text(result.state), text(result.word));
    const behind = result.behind === true && result.state !== "fresh" ? "The plot shows the settings before." : "";
    setText(facts, [text(result.facts) || text(result.reason), behind].filter(Boolean).join(" "));
    const busy = result.state === "queued" || result.state === "running";
    bar.update(busy ? parseProgress({ ...result, value: result.progress }) : null);
    compute.update(true, cost, actions.isBusy("compute"), "it");
    setText(compute.element, cost ? `Compute (${cost})` : "Compute");
    setHidden(compute.holder, !cost);
    announcer.say(`${text(result.word)}. ${facts.textContent ?? ""}`);
  }

  listen(
    reset,
    "click",
    () => {
      shown.forEach((field, k) => {
        field.value = controls[k].default;
      });
      say("", "");
      draft.set(settings(), 0);
    },
    signal,
  );
  listen(copy, "click", () => copyCode(), signal);
  listen<Event>(root, "submit", (event) => event.preventDefault(), signal);

  function copyCode(): void {
    const done = (word: string) => !signal.aborted && setText(copied, word);
    const select = () => {
      getSelection()?.selectAllChildren(code);
      done("Press Ctrl+C to copy.");
    };
    const clipboard = navigator.clipboard as Clipboard | undefined; // there is none on pages without https
    if (!clipboard) select();
    else clipboard.writeText(code.textContent ?? "").then(() => done("Copied."), select);
  }

  for (const trait of ["catalogue", "controls", "calculator", "about", "result", "code", "title"]) {
    onModel(model, `change:${trait}`, update, signal);
  }
  onModel(model, "change:code", () => setText(copied, ""), signal);
  onAbort(signal, () => {
    for (const field of shown) field.remove();
  });
  say("", "");
  update();
}
