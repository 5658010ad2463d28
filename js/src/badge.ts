// StatusBadge: one source's status on one line.

import { Announcer } from "./announcer";
import { make, setAttribute, setHidden, setText } from "./dom";
import type { Model } from "./host";
import { onModel } from "./scope";
import { Pill, ProgressBar, parseStatus, sentence } from "./status";

const TRAITS = ["name", "state", "text", "message", "progress", "label", "eta_s"] as const;

export function renderBadge(model: Model, root: HTMLElement, signal: AbortSignal): void {
  const pill = new Pill();
  const bar = new ProgressBar();
  const name = make("span", "acn-name");
  const message = make("span", "acn-message");
  // Eyes get every update; ears get one sentence now and then from the same <output>.
  const face = make("span", "acn-badge-face", { "aria-hidden": "true" }, name, pill.element, message, bar.element);
  const ears = make("span", "acn-ears");
  const output = make("output", "acn-badge", { role: "status", "aria-live": "polite" }, face, ears);
  const announcer = new Announcer(ears, signal);
  root.append(output);

  const update = () => {
    const traits = Object.fromEntries(TRAITS.map((trait) => [trait, model.get(trait)]));
    const status = parseStatus(traits);
    const pending = status.state === "pending";
    setAttribute(output, "data-state", status.state);
    setAttribute(output, "data-progress", pending ? String(status.progress.value ?? "") : null);
    setText(name, status.name);
    setHidden(name, !status.name);
    pill.update(status.state, status.text);
    setText(message, status.message);
    setHidden(message, !status.message || pending);
    setAttribute(output, "title", status.message || null);
    bar.update(pending ? status.progress : null);
    announcer.say(sentence(status));
  };
  for (const trait of TRAITS) onModel(model, `change:${trait}`, update, signal);
  update();
}
