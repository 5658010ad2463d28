import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import panel from "../src/views/panel";
import plot from "../src/views/plot";
import { answerTiles, FakeModel, ListenerBook, mount, observerBook, plotTraits, withWidth } from "./fake";

const TRAITS = {
  badge: { view: "badge", name: "a", state: "pending", text: "", message: "", progress: 0.5, label: "", eta_s: 1 },
  panel: {
    view: "panel",
    rows: [{ track_id: "t", name: "a", can_restart: true, features: [{ slot: "s", can_reanalyze: true }] }],
    live: {},
  },
  plot: plotTraits(),
};
const VIEWS = ["badge", "panel", "plot"] as const;

beforeEach(() => {
  vi.useFakeTimers();
  withWidth(800);
});
afterEach(() => {
  document.body.replaceChildren();
  vi.useRealTimers();
});

describe("the widget", () => {
  it.each(VIEWS)("leaves nothing behind when %s is aborted", (view) => {
    const media = Object.assign(new EventTarget(), { matches: false });
    vi.spyOn(globalThis, "matchMedia").mockReturnValue(media as MediaQueryList);
    const page = new ListenerBook([window, document, document.body, document.documentElement, media]);
    const resize = observerBook("ResizeObserver");
    const mutation = observerBook("MutationObserver");
    const frames = vi.spyOn(globalThis, "requestAnimationFrame");
    const mounted = mount({ ...TRAITS[view] }, (model) => answerTiles(model));
    vi.advanceTimersByTime(500);
    // Something of everything is under way at the moment of the abort.
    mounted.all("button").forEach((button) => {
      button.click();
    });
    const drawn = mounted.el.querySelector<HTMLElement>(".acn-plot");
    drawn?.focus();
    drawn?.dispatchEvent(new PointerEvent("pointermove", { clientX: 300 }));
    mounted.model.set("progress", 0.6);
    expect(mounted.model.listeners).toBeGreaterThan(0);
    if (view === "plot") {
      expect(page.live.length).toBeGreaterThan(0);
      expect(resize.live.size + mutation.live.size).toBeGreaterThan(0);
    }

    mounted.controller.abort();

    expect(mounted.model.listeners).toBe(0);
    expect(page.live).toEqual([]);
    expect([resize.live.size, mutation.live.size]).toEqual([0, 0]);
    expect(vi.getTimerCount()).toBe(0);
    expect(mounted.el.childElementCount).toBe(0);
    const before = [frames.mock.calls.length, mounted.model.sent.length, mounted.model.saves];
    mounted.model.set("rows", []);
    mounted.model.set("layers", []);
    mounted.model.message({ kind: "done", id: 1, message: "" });
    vi.advanceTimersByTime(60_000);
    expect([frames.mock.calls.length, mounted.model.sent.length, mounted.model.saves]).toEqual(before);
    for (const book of [page, resize, mutation]) book.close();
  });

  it("shows an error instead of a view that cannot be drawn", () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    const broken = mount({ view: "badge" }, (model) => {
      const get = model.get.bind(model);
      model.get = (name) => {
        if (name === "text") throw new Error("no such trait <i>");
        return get(name);
      };
    });
    expect(broken.find("[role=alert]").textContent).toBe("This view could not be shown: no such trait <i>");
    expect(log).toHaveBeenCalledTimes(1);
  });

  it("shows an error when drawing fails later on, and stops", () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const mounted = mount(plotTraits());
    Object.defineProperty(HTMLElement.prototype, "clientWidth", {
      configurable: true,
      get: () => {
        throw new Error("no layout");
      },
    });
    vi.advanceTimersByTime(100);
    expect(mounted.find("[role=alert]").textContent).toContain("no layout");
  });

  it("shares tiles between the views of a model, and keeps one view when the other goes", () => {
    const model = new FakeModel(plotTraits({ span: [40, 41] }));
    answerTiles(model);
    const life = new AbortController();
    const { initialize, render } = plot();
    initialize({ model, signal: life.signal });
    const views = [0, 1].map(() => {
      const el = document.createElement("div");
      document.body.append(el);
      const own = new AbortController();
      render({ model, el, signal: AbortSignal.any([own.signal, life.signal]) });
      return { el, own };
    });
    vi.advanceTimersByTime(1000);
    const asked = model.tiles().map(({ layer, level, index }) => `${layer} ${level} ${index}`);
    expect(new Set(asked).size).toBe(asked.length);
    views[0].own.abort();
    expect(views[0].el.childElementCount).toBe(0);
    expect(views[1].el.childElementCount).toBe(1);
    model.set("span", [60, 61]);
    vi.advanceTimersByTime(1000);
    expect(model.tiles().length).toBeGreaterThan(asked.length);
    life.abort();
    expect(model.listeners).toBe(0);
  });

  it("works in a host that gives no signal and calls what was returned instead", () => {
    const model = new FakeModel({ ...TRAITS.panel });
    const el = document.createElement("div");
    const { initialize, render } = panel();
    const cleanups = [initialize({ model }), render({ model, el })];
    expect(el.querySelector("article")).not.toBeNull();
    for (const cleanup of cleanups) cleanup?.();
    expect(model.listeners).toBe(0);
    expect(el.childElementCount).toBe(0);
  });

  it("works in a host that never calls initialize", () => {
    const model = new FakeModel({ ...TRAITS.panel });
    const el = document.createElement("div");
    const controller = new AbortController();
    panel().render({ model, el, signal: controller.signal });
    el.querySelector<HTMLButtonElement>("button[aria-label^=Restart]")?.click();
    expect(model.sent).toHaveLength(1);
    controller.abort();
    expect(model.listeners).toBe(0);
  });
});
