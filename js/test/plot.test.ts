import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Commands, connect, keyCommand, wheelPixels } from "../src/plot/input";
import { interleave } from "../src/plot/plot";
import {
  answerTiles,
  type FakeModel,
  imageLayer,
  layer,
  type Mounted,
  mount,
  plotTraits,
  replyTile,
  withWidth,
} from "./fake";

const HOSTILE = "</script><img src=x onerror=alert(1)>";

function key(plot: HTMLElement, name: string, init: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...init });
  plot.dispatchEvent(event);
  return event;
}
const span = (model: FakeModel) => (model.traits.span as number[]).map((value) => Math.round(value * 1000) / 1000);
const settle = () => vi.advanceTimersByTime(1000);

function plotOf(mounted: Mounted): HTMLElement {
  return mounted.find(".acn-plot");
}

beforeEach(() => {
  vi.useFakeTimers();
  withWidth(1024);
});
afterEach(() => {
  document.body.replaceChildren();
  vi.useRealTimers();
});

describe("FeaturePlot", () => {
  it("asks for overviews first and then for what is visible", () => {
    const { model } = mount(plotTraits({ span: [40, 41] }));
    settle();
    expect(
      model
        .tiles()
        .slice(0, 4)
        .map(({ layer: name, level, index }) => [name, level, index]),
    ).toEqual([
      ["waveform", 3, 0],
      ["spectrogram", 6, 0],
      ["waveform", 0, 19],
      ["spectrogram", 0, 15],
    ]);
    expect(model.tiles()).toHaveLength(4);
  });

  it("shares the height that was asked for among its layers", () => {
    const heights = (traits: Record<string, unknown>) => {
      const { all } = mount(plotTraits(traits));
      settle();
      return all<HTMLCanvasElement>(".acn-pane canvas").map((canvas) => Number.parseFloat(canvas.style.height));
    };
    const own = heights({});
    const asked = heights({ height: 900 });
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
    const margins = sum(heights({ height: 1000 })) - 1000;
    expect(sum(asked) - margins).toBeCloseTo(900, -1);
    expect(asked[0] / asked[1]).toBeCloseTo(own[0] / own[1], 0);
  });

  it("gets along with any number of layers, and none", () => {
    const { model, all, find } = mount(plotTraits({ layers: [] }));
    settle();
    expect(model.sent).toEqual([]);
    expect(find(".acn-empty").hidden).toBe(false);
    model.set("layers", [layer(), imageLayer(), layer({ name: "rms", kind: "curve" })]);
    settle();
    expect(all("canvas[role=img]")).toHaveLength(3);
    expect(find(".acn-empty").hidden).toBe(true);
    model.set("layers", [imageLayer()]);
    expect(all("canvas[role=img]")).toHaveLength(1);
    model.set("layers", null);
    settle();
    expect(all("canvas[role=img]")).toHaveLength(0);
  });

  it("describes every picture", () => {
    const { all } = mount(plotTraits());
    settle();
    expect(all("canvas[role=img]").map((canvas) => canvas.getAttribute("aria-label"))).toEqual([
      "Waveform, −1.000 … 1.000, 2 channels, from 0:00.000 to 1:40.000",
      "Spectrogram, 0.0 Hz … 20.00 kHz, −80.0 … 0.0 dB, from 0:00.000 to 1:40.000",
    ]);
  });

  it.each([
    ["missing", "", "Not computed yet"],
    ["missing", "Nothing asked for it.", "Not computed yet: Nothing asked for it."],
    ["queued", "", "Queued…"],
    ["failed", HOSTILE, `Failed: ${HOSTILE}`],
  ])("says so when a layer is %s", (state, reason, words) => {
    const { find, el } = mount(plotTraits({ layers: [layer({ state, reason, buckets: 0 })] }));
    expect(find(".acn-overlay").hidden).toBe(false);
    expect(find(".acn-overlay-text").textContent).toBe(words);
    expect(el.querySelector("img")).toBeNull();
  });

  it("shows how far a layer is", () => {
    const status = { state: "pending", text: "Analysing…", progress: 0.42, label: "Spectrogram", eta_s: 9 };
    const { find, model } = mount(plotTraits({ layers: [imageLayer({ state: "running", buckets: 0 })], status }));
    expect(find(".acn-overlay .acn-progress").textContent).toBe("Spectrogram42\u202f% · about 9 s left");
    model.set("status", { ...status, progress: 0.5 });
    expect(find(".acn-overlay [role=progressbar]").getAttribute("aria-valuenow")).toBe("50");
    model.set("layers", [imageLayer({ state: "fresh" })]);
    expect(find(".acn-overlay").hidden).toBe(true);
  });

  it("moves with the span trait, whoever sets it, and repairs what is no span", () => {
    const { model, all } = mount(plotTraits());
    model.set("span", [20, 30]);
    settle();
    expect(all("canvas[role=img]")[0].getAttribute("aria-label")).toContain("from 0:20.000 to 0:30.000");
    expect(model.saves).toBe(0);
    model.set("span", [-50, 500]);
    settle();
    expect(span(model)).toEqual([0, 100]);
    expect(model.saves).toBe(1);
    model.set("span", "everything");
    settle();
    expect(all("canvas[role=img]")[0].getAttribute("aria-label")).toContain("from 0:00.000 to 1:40.000");
  });

  it("goes on showing everything when the recording gets longer", () => {
    const { model, all } = mount(plotTraits({ span: [0, 100] }));
    settle();
    model.set("duration_s", 200);
    settle();
    expect(span(model)).toEqual([0, 200]);
    model.set("span", [10, 20]);
    model.set("duration_s", 300);
    settle();
    expect(all("canvas[role=img]")[0].getAttribute("aria-label")).toContain("from 0:10.000 to 0:20.000");
  });

  it("saves the span at most twenty times a second, and the last one surely", () => {
    const mounted = mount(plotTraits({ span: [40, 60] }));
    const plot = plotOf(mounted);
    settle();
    plot.focus();
    for (let k = 0; k < 100; k++) {
      plot.dispatchEvent(new WheelEvent("wheel", { deltaX: 10, cancelable: true }));
      vi.advanceTimersByTime(10);
    }
    vi.advanceTimersByTime(100);
    expect(mounted.model.saves).toBeGreaterThan(10);
    expect(mounted.model.saves).toBeLessThanOrEqual(21);
    const [t0, t1] = span(mounted.model);
    expect(t1 - t0).toBeCloseTo(20);
    expect(t0).toBeCloseTo(40 + (1000 / (1024 - 58 - 66)) * 20, 2);
  });

  it("zooms, pans and fits by keys, and keeps them from the notebook", () => {
    const mounted = mount(plotTraits({ span: [40, 60] }));
    const { model } = mounted;
    const plot = plotOf(mounted);
    const notebook = vi.fn();
    document.addEventListener("keydown", notebook, { capture: true });
    plot.focus();
    const seen: number[][] = [];
    for (const [name, init] of [
      ["+", {}],
      ["ArrowDown", {}],
      ["ArrowRight", {}],
      ["PageUp", {}],
      ["Home", {}],
      ["End", {}],
      ["0", {}],
    ] as const) {
      expect(key(plot, name, init).defaultPrevented).toBe(true);
      settle();
      seen.push(span(model));
    }
    expect(seen).toEqual([
      [45, 55],
      [40, 60],
      [42, 62],
      [24, 44],
      [0, 20],
      [80, 100],
      [0, 100],
    ]);
    expect(notebook).not.toHaveBeenCalled();
    expect(key(plot, "s", { ctrlKey: true }).defaultPrevented).toBe(false);
    expect(key(plot, "0", { metaKey: true }).defaultPrevented).toBe(false);
    expect(notebook).toHaveBeenCalledTimes(2);
    plot.blur();
    key(plot, "0");
    expect(notebook).toHaveBeenCalledTimes(3);
    document.removeEventListener("keydown", notebook, { capture: true });
  });

  it("reads values out for the keyboard", () => {
    const mounted = mount(plotTraits({ span: [40, 60] }), (model) => answerTiles(model, 0.5));
    settle();
    const plot = plotOf(mounted);
    plot.focus();
    key(plot, "ArrowRight", { shiftKey: true });
    settle();
    expect(mounted.find(".acn-ears[role=status]").textContent).toBe(
      "Showing 0:40.000 to 1:00.000. At 0:50.200: Waveform L 0.5000  ·  R 0.5000; Spectrogram peak 0.0 Hz · bin 0 · −39.8 dB",
    );
    expect(mounted.find(".acn-crosshair").hidden).toBe(false);
    key(plot, "Escape");
    settle();
    expect(mounted.find(".acn-crosshair").hidden).toBe(true);
    expect(document.activeElement).not.toBe(plot);
  });

  it("shows values under the pointer", () => {
    const mounted = mount(plotTraits(), (model) => answerTiles(model, 0.25));
    settle();
    const plot = plotOf(mounted);
    plot.dispatchEvent(new PointerEvent("pointermove", { clientX: 500, clientY: 0 }));
    settle();
    expect(mounted.all(".acn-readout").map((element) => element.textContent)[0]).toBe("L 0.2500  ·  R 0.2500");
    plot.dispatchEvent(new PointerEvent("pointerleave"));
    settle();
    expect(mounted.all(".acn-readout").map((element) => element.textContent)).toEqual(["", ""]);
  });

  it("has tools with names, and the logarithmic one only for images", () => {
    const { all, find, model } = mount(plotTraits());
    expect(all("[role=toolbar] button").map((button) => button.getAttribute("aria-label"))).toEqual([
      "Zoom in",
      "Zoom out",
      "Show everything",
      "Select by dragging",
      "Zoom to the selection",
      "Clear the selection",
      "Logarithmic frequency axis",
      "Axes and colours",
    ]);
    expect(all("[role=toolbar] button:not([hidden])")).toHaveLength(6);
    const log = find<HTMLButtonElement>("[aria-label='Logarithmic frequency axis']");
    log.click();
    expect(log.getAttribute("aria-pressed")).toBe("true");
    find<HTMLButtonElement>("[aria-label='Zoom in']").click();
    settle();
    expect(span(model)).toEqual([25, 75]);
    model.set("layers", [layer()]);
    expect(log.hidden).toBe(true);
  });

  it("goes on when the page has no layout for a moment, and waits for one at first", () => {
    withWidth(0);
    const { model, el } = mount(plotTraits({ layers: [layer()], span: [40, 41] }));
    settle();
    expect(model.sent).toEqual([]);
    withWidth(1024);
    model.set("title", "again");
    settle();
    const before = model.sent.length;
    expect(before).toBeGreaterThan(0);
    withWidth(0);
    for (const message of [...model.sent]) replyTile(model, message);
    model.set("span", [80, 81]);
    settle();
    expect(
      model
        .tiles()
        .slice(before)
        .map(({ index }) => index),
    ).toContain(39);
    expect(el.querySelector("[role=alert]")).toBeNull();
  });

  it("shows why tiles do not come", () => {
    const { model, find } = mount(plotTraits({ layers: [layer()] }));
    settle();
    model.message({ kind: "refused", id: model.tiles()[0].id, message: HOSTILE });
    expect(find(".acn-trouble").textContent).toBe(HOSTILE);
    expect(find(".acn-trouble").hidden).toBe(false);
  });
});

describe("input", () => {
  const commands = () =>
    ({
      zoom: vi.fn(),
      pan: vi.fn(),
      drag: vi.fn(),
      go: vi.fn(),
      fit: vi.fn(),
      hover: vi.fn(),
      step: vi.fn(),
      leave: vi.fn(),
      click: vi.fn(),
      select: vi.fn(),
      selecting: false,
      mark: vi.fn(),
      clearSelection: vi.fn(),
      zoomToSelection: vi.fn(),
      seekHere: vi.fn(),
      togglePlaying: vi.fn(),
    }) satisfies Commands;

  function connected() {
    const plot = document.createElement("div");
    plot.tabIndex = 0;
    document.body.append(plot);
    const hint = document.createElement("div");
    const act = commands();
    const controller = new AbortController();
    connect(plot, hint, act, controller.signal);
    const wheel = (init: WheelEventInit) => {
      const event = new WheelEvent("wheel", { cancelable: true, ...init });
      // happy-dom leaves out what a wheel event inherits from a mouse event.
      for (const [name, value] of Object.entries(init)) {
        if (event[name as keyof WheelEvent] !== value) Object.defineProperty(event, name, { value });
      }
      plot.dispatchEvent(event);
      return event.defaultPrevented;
    };
    return { plot, hint, act, controller, wheel };
  }

  it("lets the page scroll until the plot has been clicked", () => {
    const { plot, hint, act, wheel } = connected();
    expect(wheel({ deltaY: 100 })).toBe(false);
    expect(act.zoom).not.toHaveBeenCalled();
    expect(hint.classList.contains("acn-shown")).toBe(true);
    expect(wheel({ deltaY: 100, ctrlKey: true })).toBe(true);
    plot.dispatchEvent(new PointerEvent("pointerdown", { button: 0, clientX: 5 }));
    expect(wheel({ deltaY: -100 })).toBe(true);
    expect(act.zoom.mock.calls.at(-1)?.[0]).toBeCloseTo(Math.exp(-0.25));
    expect(wheel({ deltaY: 100, shiftKey: true })).toBe(true);
    expect(act.drag).toHaveBeenCalledWith(-100);
    vi.advanceTimersByTime(2000);
    expect(hint.classList.contains("acn-shown")).toBe(false);
  });

  it("pans with the pointer that went down, and only while it is down", () => {
    const { plot, act } = connected();
    const pointer = (type: string, clientX: number, pointerId = 1) =>
      plot.dispatchEvent(new PointerEvent(type, { clientX, pointerId, button: 0 }));
    pointer("pointermove", 5);
    pointer("pointerdown", 10);
    pointer("pointerdown", 50, 2);
    pointer("pointermove", 14);
    pointer("pointermove", 90, 2);
    pointer("pointermove", 11);
    pointer("pointerup", 11);
    pointer("pointermove", 30);
    expect(act.drag.mock.calls.map(([by]) => by)).toEqual([4, -3]);
    expect(act.click, "a drag is no click").not.toHaveBeenCalled();
    expect(document.activeElement).toBe(plot);
    plot.dispatchEvent(new MouseEvent("dblclick"));
    expect(act.fit).toHaveBeenCalled();
  });

  it("knows its keys", () => {
    const act = commands();
    for (const name of ["a", "Tab", "d", "Shift"]) {
      expect(keyCommand(new KeyboardEvent("keydown", { key: name }), act)).toBeNull();
    }
    expect(wheelPixels(new WheelEvent("wheel", { deltaY: 3, deltaMode: 1 })).y).toBe(48);
  });

  it("lets go of everything on abort", () => {
    const { plot, act, controller, wheel } = connected();
    plot.focus();
    controller.abort();
    wheel({ deltaY: 1 });
    key(plot, "0");
    plot.dispatchEvent(new PointerEvent("pointerdown", { button: 0 }));
    expect(act.fit).not.toHaveBeenCalled();
    expect(act.zoom).not.toHaveBeenCalled();
  });
});

describe("interleave", () => {
  it("takes one from each in turn", () => {
    expect(interleave([[1, 2, 3], [], [4, 5]])).toEqual([1, 4, 2, 5, 3]);
    expect(interleave([])).toEqual([]);
  });
});
