// Workbench: badge, transport and plot, and below them one of several views at a time.

import { place } from "./children";
import { freshId, make, OWN_KEYS, setAttribute, setHidden, setText } from "./dom";
import { num, record, text } from "./guards";
import type { Host, Model } from "./host";
import { listen, onModel } from "./scope";

const TABS: readonly [string, string][] = [
  ["inspector", "Frame"],
  ["caches", "Caches"],
  ["diagnostics", "Diagnostics"],
];
const STEPS: ReadonlyMap<string, number> = new Map([
  ["ArrowRight", 1],
  ["ArrowLeft", -1],
]);

interface Tab {
  name: string;
  button: HTMLButtonElement;
  panel: HTMLElement;
  shown: boolean;
}

export function renderWorkbench(model: Model, host: Host | undefined, root: HTMLElement, signal: AbortSignal): void {
  const parts = record(model.get("parts"));
  const has = (name: string) => text(parts[name]) !== "";
  const title = text(model.get("title"));
  const bench = make("section", "acn-workbench", { "aria-label": `Workbench of ${title}` });
  const empty = text(model.get("empty"));
  if (empty) bench.append(make("p", "acn-empty", {}, empty));
  for (const name of ["badge", "transport", "plot"]) if (has(name)) bench.append(place(model, host, name, signal));

  const strip = make("div", "acn-tabs", { role: "tablist", "aria-label": `More about ${title}` });
  const tabs: Tab[] = TABS.filter(([name]) => has(name)).map(([name, word]) => {
    const [tabId, panelId] = [freshId(), freshId()];
    const button = make(
      "button",
      "acn-tab",
      { type: "button", role: "tab", id: tabId, "aria-controls": panelId, ...OWN_KEYS },
      word,
    );
    const panel = make("div", "acn-tab-panel", { role: "tabpanel", id: panelId, "aria-labelledby": tabId });
    listen(button, "click", () => choose(name), signal);
    strip.append(button);
    return { name, button, panel, shown: false };
  });
  bench.append(strip, ...tabs.map((tab) => tab.panel));
  root.append(bench);
  listen<KeyboardEvent>(strip, "keydown", (event) => move(event), signal);

  function choose(name: string): void {
    model.set("tab", name);
    model.save_changes();
  }

  function move(event: KeyboardEvent): void {
    const now = tabs.findIndex((tab) => tab.button === event.target);
    const step = STEPS.get(event.key);
    const ends: Record<string, number> = { Home: 0, End: tabs.length - 1 };
    const next = step === undefined ? ends[event.key] : (now + step + tabs.length) % tabs.length;
    if (now < 0 || next === undefined) return;
    event.preventDefault();
    tabs[next].button.focus();
    choose(tabs[next].name);
  }

  function update(): void {
    const wanted = text(model.get("tab"));
    const open = tabs.some((tab) => tab.name === wanted) ? wanted : tabs[0]?.name;
    const issues = num(model.get("issues"), 0);
    for (const tab of tabs) {
      const chosen = tab.name === open;
      setAttribute(tab.button, "aria-selected", String(chosen));
      setAttribute(tab.button, "tabindex", chosen ? "0" : "-1");
      setHidden(tab.panel, !chosen);
      if (tab.name === "diagnostics") setText(tab.button, issues > 0 ? `Diagnostics (${issues})` : "Diagnostics");
      if (!chosen || tab.shown) continue;
      tab.shown = true; // what nobody has looked at is not drawn
      tab.panel.append(place(model, host, tab.name, signal));
    }
  }

  for (const trait of ["tab", "issues"]) onModel(model, `change:${trait}`, update, signal);
  update();
}
