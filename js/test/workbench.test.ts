import { afterEach, describe, expect, it } from "vitest";
import workbench from "../src/views/workbench";
import { FakeModel } from "./fake";

const PARTS = ["badge", "transport", "plot", "inspector", "caches", "diagnostics"];
const parts = Object.fromEntries(PARTS.map((name) => [name, `anywidget:${name}`]));

function mount(traits: Record<string, unknown> = {}) {
  const model = new FakeModel({
    view: "workbench",
    title: "loop",
    empty: "",
    issues: 0,
    tab: "inspector",
    parts,
    ...traits,
  });
  const controller = new AbortController();
  const rendered: string[] = [];
  const host = {
    getWidget: (reference: string) =>
      reference === "anywidget:broken"
        ? Promise.reject(new Error("no binding"))
        : Promise.resolve({
            render: async ({ el }: { el: HTMLElement }) => {
              rendered.push(reference);
              el.append(reference);
            },
          }),
  };
  const el = document.createElement("div");
  document.body.append(el);
  workbench().render({ model, el, host, signal: controller.signal });
  const all = (selector: string) => [...el.querySelectorAll<HTMLElement>(selector)];
  const chosen = () => all("[role=tab][aria-selected=true]").map((tab) => tab.textContent);
  return { model, el, all, controller, rendered, chosen };
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 0));

afterEach(() => document.body.replaceChildren());

describe("Workbench", () => {
  it("shows badge, transport and plot, and one of the others, which are drawn when they are looked at", async () => {
    const { all, rendered, chosen, model } = mount({ issues: 3 });
    await soon();
    expect(rendered).toEqual(["badge", "transport", "plot", "inspector"].map((name) => `anywidget:${name}`));
    expect(all("[role=tab]").map((tab) => tab.textContent)).toEqual(["Frame", "Caches", "Diagnostics (3)"]);
    expect(chosen()).toEqual(["Frame"]);
    all("[role=tab]")[2].click();
    await soon();
    expect(model.get("tab")).toBe("diagnostics");
    expect(rendered.at(-1)).toBe("anywidget:diagnostics");
    expect(all("[role=tabpanel]").map((panel) => panel.hidden)).toEqual([true, true, false]);
    all("[role=tab]")[0].click();
    await soon();
    expect(rendered).toHaveLength(5);
  });

  it("is a list of tabs for the keyboard", () => {
    const { all, chosen } = mount();
    const tabs = all("[role=tab]");
    const press = (key: string) =>
      document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    tabs[0].focus();
    expect(tabs.map((tab) => tab.tabIndex)).toEqual([0, -1, -1]);
    press("ArrowLeft");
    expect(document.activeElement).toBe(tabs[2]);
    expect(chosen()).toEqual(["Diagnostics"]);
    press("Home");
    expect(chosen()).toEqual(["Frame"]);
    press("ArrowRight");
    expect(chosen()).toEqual(["Caches"]);
    expect(all("[role=tabpanel]")[1].getAttribute("aria-labelledby")).toBe(tabs[1].id);
  });

  it("says what to do when there is no audio, and what could not be shown", async () => {
    const { all, el, controller, model } = mount({
      empty: "There is no audio yet.",
      tab: "",
      parts: { caches: "anywidget:broken", diagnostics: "anywidget:diagnostics" },
    });
    await soon();
    expect(el.textContent).toContain("There is no audio yet.");
    expect(all("[role=tab]")).toHaveLength(2);
    expect(all(".acn-child")[0].textContent).toBe("This part could not be shown: no binding");
    controller.abort();
    expect(model.listeners).toBe(0);
  });
});
