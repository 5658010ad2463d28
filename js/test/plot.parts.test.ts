// The parts of the plot that are plain functions or small objects: time lines, events, links, selections.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { EventTile, Tile } from "../src/codec";
import type { TileAddress } from "../src/messages";
import { eventColumns, eventWords, guideTimes, nearestEvent } from "../src/plot/events";
import { barLabel, timeLines } from "../src/plot/grid";
import { type Layer, parseLayer } from "../src/plot/layer";
import { groupOf, type Member } from "../src/plot/link";
import { address, eventTiles, wanted } from "../src/plot/pyramid";
import { ordered, parseSelection, selectionValue, selectionWords } from "../src/plot/selection";
import type { Span } from "../src/plot/span";
import type { View } from "../src/plot/view";
import { TempoMap } from "../src/tempo";
import { answerTiles, imageLayer, layer, mount, plotTraits, type Sent, withWidth } from "./fake";

const view = (span: Span, width = 1000): View => ({ span, width: width + 60, left: 50, right: 10, ratio: 1 });

describe("the lines of the time axis", () => {
  const steady = new TempoMap({ beats_per_bar: 4, segments: [[0, 0, 1920, 0]] });

  it("are round seconds, or bars and beats", () => {
    expect(timeLines(view([0, 10]), "seconds", steady).map(({ label }) => label)).toEqual(
      Array.from({ length: 11 }, (_, k) => `0:${String(k).padStart(2, "0")}`),
    );
    const lines = timeLines(view([0, 8]), "bars", steady);
    expect(lines.filter(({ strong }) => strong).map(({ time_s }) => time_s)).toEqual([0, 2, 4, 6, 8]);
    expect(lines.filter(({ label }) => label).map(({ label }) => label)).toEqual([
      ...["1", "1.2", "1.3", "1.4", "2", "2.2", "2.3", "2.4", "3", "3.2", "3.3", "3.4", "4", "4.2", "4.3", "4.4", "5"],
    ]);
  });

  it("follow the tempo, also one that changes on the way", () => {
    const faster = new TempoMap({
      beats_per_bar: 3,
      segments: [
        [0, 0, 1920, 0],
        [3, 5760, 3840, 0],
      ],
    });
    const bars = timeLines(view([0, 6]), "bars", faster).filter(({ strong }) => strong);
    expect(bars.map(({ time_s }) => time_s)).toEqual([0, 1.5, 3, 3.75, 4.5, 5.25, 6]);
  });

  it("thin out to powers of two of bars, and never flood", () => {
    for (const length_s of [0.01, 1, 60, 3600, 1e5]) {
      const lines = timeLines(view([100, 100 + length_s]), "bars", steady);
      expect(lines.length).toBeLessThanOrEqual(1000 / 9 + 2);
      const labels = lines.filter(({ label }) => label);
      expect(labels.length).toBeLessThanOrEqual(1000 / 48 + 2);
      expect(new Set(labels.map(({ label }) => label)).size).toBe(labels.length);
    }
  });

  it("have names down to sixteenths, and before time zero", () => {
    expect([0, 960, 240, 3840 * 4 + 960 * 2 + 720, -3840, -960].map((ticks) => barLabel(ticks, 4))).toEqual([
      ...["1", "1.2", "1.1.2", "5.3.4", "0", "0.4"],
    ]);
  });
});

describe("events", () => {
  const l = parseLayer(
    layer({
      name: "onsets",
      kind: "events",
      channels: ["time", "strength"],
      hop_s: 1,
      buckets: 6,
      tile_buckets: 4,
      levels: 1,
      edges: [0.5, 7.25],
      value_max: 2,
    }),
    -10,
  ) as Layer;
  const rows = [0.5, 2, 1, 1, 1.0001, Number.NaN, 3, 0.01, 7.25, 1, 8, 0.5];
  const get = (of: TileAddress): Tile | undefined => {
    const data = Float64Array.from(rows.slice(8 * of.index, 8 * of.index + 8));
    const start = 4 * of.index;
    return { ...of, id: 0, start, buckets: data.length / 2, fields: 2, dtype: "float64", data } as EventTile;
  };

  it("are asked for where they may be seen", () => {
    // The recording begins at 10 s of the timeline.
    expect(wanted(l, 0, 10, 12, 1)).toEqual([address(l, 0, 0)]);
    expect(wanted(l, 0, 10, 100, 1)).toEqual([address(l, 0, 0), address(l, 0, 1)]);
    expect(eventTiles(l, 17.5, 17.5).map(({ index }) => index)).toEqual([1]);
    expect(eventTiles(l, 0, 5)).toEqual([]);
  });

  it("are found by time", () => {
    expect(nearestEvent(l, 10.7, get)).toMatchObject({ time_s: 10.5, number: 0, values: [2] });
    expect(nearestEvent(l, 17.9, get)).toMatchObject({ time_s: 18, number: 5 });
    expect(nearestEvent(l, 11.0001, () => undefined)).toBeNull();
    expect(eventWords(l, nearestEvent(l, 13, get))).toBe("nearest #4 at 0:13.000 · strength 0.0100");
  });

  it("show the strongest behind each column, and never too little to be seen", () => {
    const area = { x: 0, y: 0, width: 10, height: 50, t0_s: 10, t1_s: 20 };
    const columns = [...eventColumns(l, area, get)].map((share) => Math.round(share * 100) / 100);
    // A strength that is no number is shown in full.
    expect(columns).toEqual([1, 1, -1, 0.12, -1, -1, -1, 0.5, 0.25, -1]);
  });

  it("guide the eye only where there are few", () => {
    expect(guideTimes(l, 10, 20, 1000, get)).toHaveLength(6);
    expect(guideTimes(l, 10, 20, 50, get)).toEqual([]);
  });
});

describe("linked views", () => {
  const member = (extent: Span) => ({ extent, follow: vi.fn(), stretch: vi.fn() }) satisfies Member;

  it("tell all others, once, and cover what all have", () => {
    const group = groupOf("one");
    const [a, b] = [member([0, 10]), member([-5, 7])];
    group.join(a);
    group.join(b);
    expect(groupOf("one")).toBe(group);
    expect(groupOf("two")).not.toBe(group);
    expect(group.extent()).toEqual([-5, 10]);
    group.move(a, [1, 2]);
    group.move(b, [1, 2]);
    expect(a.follow).not.toHaveBeenCalled();
    expect(b.follow.mock.calls).toEqual([[[1, 2]]]);
    group.leave(a);
    group.leave(b);
    expect([group.size, group.span]).toEqual([0, null]);
  });
});

describe("selections", () => {
  it("are read from a trait only if they are some", () => {
    expect(parseSelection([1, 2])).toEqual({ time_s: [1, 2], values: null });
    expect(parseSelection([1, 2, 30, 40])).toEqual({ time_s: [1, 2], values: [30, 40] });
    for (const bad of [null, [], [1], [2, 1], [1, 2, 3], [1, 2, 4, 3], [1, Number.NaN], "ab"]) {
      expect(parseSelection(bad)).toBeNull();
    }
    expect(selectionValue(parseSelection([1, 2, 30, 40]))).toEqual([1, 2, 30, 40]);
    expect([ordered(3, 1), ordered(1, 1)]).toEqual([[1, 3], null]);
    expect(selectionWords(parseSelection([1, 2.5, 100, 2000]), "Hz")).toBe(
      "Selected 0:01.000 to 0:02.500, 1.500 s, 100 Hz to 2.000 kHz.",
    );
  });
});

describe("FeaturePlot, its choices", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    withWidth(1024);
  });
  afterEach(() => {
    document.body.replaceChildren();
    vi.useRealTimers();
  });
  const settle = () => vi.advanceTimersByTime(1000);
  const key = (plot: HTMLElement, name: string, init: KeyboardEventInit = {}) =>
    plot.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...init }));

  it("asks for no tile when colours or the vertical axis change, nor when the tempo does", () => {
    const { model, find } = mount(plotTraits(), (made) => answerTiles(made));
    settle();
    const asked = model.tiles().length;
    expect(asked).toBeGreaterThan(0);
    for (const [name, value] of Object.entries({
      colormap: "sea",
      gamma: 0.4,
      value_min: -60,
      value_max: -10,
      frequency_axis: "mel",
      time_axis: "bars",
      tempo: { beats_per_bar: 3, segments: [[0, 0, 1000, 0]] },
    })) {
      model.set(name, value);
      settle();
    }
    expect(model.tiles()).toHaveLength(asked);
    find<HTMLButtonElement>("[aria-label='Axes and colours'].acn-tool").click();
    const colours = find<HTMLSelectElement>(".acn-settings [aria-label='Colour map']");
    expect(find(".acn-settings").hidden).toBe(false);
    expect(colours).toBeTruthy();
  });

  it("never has more than four requests out, however many panes there are", () => {
    const names = Array.from({ length: 12 }, (_, k) => imageLayer({ name: `image ${k}` }));
    const waiting: Sent[] = [];
    const { model } = mount(plotTraits({ layers: names, span: [10, 30] }), (made) => {
      made.answer = (message) => waiting.push(message);
    });
    settle();
    expect(waiting).toHaveLength(4);
    expect(model.tiles()).toHaveLength(4);
  });

  it("lets keys mark, zoom to what is marked, and clear it", () => {
    const { model, find } = mount(plotTraits({ layers: [layer()] }), (made) => answerTiles(made));
    settle();
    const plot = find(".acn-plot");
    plot.focus();
    key(plot, "[");
    settle();
    expect(find(".acn-ears[role=status]").textContent).toBe("Selection starts at 0:50.000.");
    for (let k = 0; k < 10; k++) key(plot, "ArrowRight", { shiftKey: true });
    key(plot, "]");
    settle();
    const selection = model.traits.selection as number[];
    expect(selection[0]).toBe(50);
    expect(selection[1]).toBeCloseTo(60);
    expect(find(".acn-selection").hidden).toBe(false);
    key(plot, "z");
    settle();
    expect((model.traits.span as number[])[0]).toBeCloseTo(50);
    key(plot, "Delete");
    settle();
    expect(model.traits.selection).toBeNull();
    expect(find(".acn-selection").hidden).toBe(true);
  });

  it("shows a selection of the kernel's", () => {
    const { model, find } = mount(plotTraits({ selection: [10, 20] }), (made) => answerTiles(made));
    settle();
    expect(find(".acn-selection").hidden).toBe(false);
    expect(find(".acn-selection").textContent).toBe("10.00 s");
    model.set("selection", null);
    settle();
    expect(find(".acn-selection").hidden).toBe(true);
  });

  it("moves linked plots together and others not", () => {
    const plots = ["shared", "shared", ""].map((link) =>
      mount(plotTraits({ layers: [layer()], link, linked: true }), (made) => answerTiles(made)),
    );
    settle();
    plots[0].find<HTMLButtonElement>("[aria-label='Zoom in']").click();
    settle();
    expect(plots.map(({ model }) => model.traits.span)).toEqual([
      [25, 75],
      [25, 75],
      [0, 100],
    ]);
    plots[1].model.set("linked", false);
    plots[0].find<HTMLButtonElement>("[aria-label='Zoom in']").click();
    settle();
    expect(plots[1].model.traits.span).toEqual([25, 75]);
    for (const { controller } of plots) controller.abort();
    expect(groupOf("shared").size).toBe(0);
  });

  it("lies where its clip lies", () => {
    const clip = { shift_s: -30, start_s: 30, end_s: 90 };
    const { model, find } = mount(plotTraits({ layers: [layer()], clip, span: [30, 130] }), (made) =>
      answerTiles(made),
    );
    settle();
    expect(find("canvas[role=img]").getAttribute("aria-label")).toContain("from 0:30.000 to 2:10.000");
    expect(model.tiles().every(({ index }) => index >= 0)).toBe(true);
    find<HTMLButtonElement>("[aria-label='Zoom in']").click();
    settle();
    expect(model.traits.span).toEqual([55, 105]);
  });

  it("hides a curve at the press of its name", () => {
    const curves = layer({
      name: "f0",
      kind: "curve",
      channels: ["f0", "share"],
      ranges: [
        [0, 500],
        [0, 1],
      ],
    });
    const { find, all } = mount(plotTraits({ layers: [curves] }), (made) => answerTiles(made));
    settle();
    const names = all<HTMLButtonElement>(".acn-key");
    expect(names.map((name) => [name.textContent, name.getAttribute("aria-pressed")])).toEqual([
      ["f0", "true"],
      ["share", "true"],
    ]);
    names[0].click();
    settle();
    expect(names[0].getAttribute("aria-pressed")).toBe("false");
    expect(find(".acn-plot")).toBeTruthy();
  });

  it("says what a feature of one value is", () => {
    const one = layer({ name: "tempo", kind: "text", buckets: 0, text: "bpm 120" });
    const { find } = mount(plotTraits({ layers: [one] }));
    settle();
    expect(find(".acn-overlay-text").textContent).toBe("bpm 120");
    expect(find("canvas[role=img]").getAttribute("aria-label")).toBe("Waveform, bpm 120");
  });
});
