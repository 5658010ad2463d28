import { describe, expect, it } from "vitest";
import { axisLabel } from "../src/plot/axes";
import { type Layer, layerEnd_s, parseLayer, parseLayers } from "../src/plot/layer";
import {
  address,
  bucketAt,
  bucketsAt,
  cover,
  edge_s,
  levelFor,
  tileSpan_s,
  tilesAt,
  visibleTiles,
  wanted,
} from "../src/plot/pyramid";
import { clampSpan, panSpan, parseSpan, sameSpan, zoomSpan } from "../src/plot/span";
import { linearTicks, logTicks, niceStep, timeTicks } from "../src/plot/ticks";
import { heightOf, rowAt, rowPlace, rowRanges, rowValue, valueAt, verticalAxis } from "../src/plot/vertical";
import { areaOf, timeAt, type View, xOf } from "../src/plot/view";
import { imageLayer, layer } from "./fake";

const parsed = (overrides = {}) => parseLayer(layer(overrides)) as Layer;
const image = (overrides = {}) => parseLayer(imageLayer(overrides)) as Layer;

describe("spans", () => {
  it("stay inside the recording", () => {
    expect(clampSpan([-5, 5], [0, 100], 1)).toEqual([0, 10]);
    expect(clampSpan([95, 105], [0, 100], 1)).toEqual([90, 100]);
    expect(clampSpan([-50, 500], [0, 100], 1)).toEqual([0, 100]);
    expect(clampSpan([50, 50], [0, 100], 1)).toEqual([49.5, 50.5]);
    expect(clampSpan([0, 1], [0, 0.5], 1)).toEqual([0, 0.5]);
  });

  it("zoom around a point that stays where it is", () => {
    const [t0, t1] = zoomSpan([20, 60], 0.5, 30, [0, 100], 0.001);
    expect([t0, t1]).toEqual([25, 45]);
    expect((30 - t0) / (t1 - t0)).toBeCloseTo((30 - 20) / 40);
    expect(zoomSpan([20, 60], 1e9, 30, [0, 100], 0.001)).toEqual([0, 100]);
    expect(zoomSpan([20, 60], 1e-9, 30, [0, 100], 0.001)[1] - 30).toBeLessThan(0.001);
  });

  it("pan without changing their length", () => {
    expect(panSpan([20, 60], 10, [0, 100])).toEqual([30, 70]);
    expect(panSpan([20, 60], 1000, [0, 100])).toEqual([60, 100]);
    expect(panSpan([20, 60], -1000, [0, 100])).toEqual([0, 40]);
    expect(panSpan([20, 60], -1000, [-30, 100])).toEqual([-30, 10]);
  });

  it("are read from a trait only if they are spans", () => {
    expect(parseSpan([1, 2])).toEqual([1, 2]);
    for (const bad of [
      null,
      [],
      [1],
      [2, 1],
      [1, 1],
      [0, Number.NaN],
      ["0", "1"],
      [0, null],
      { 0: 0, 1: 1, length: 2 },
    ]) {
      expect(parseSpan(bad)).toBeNull();
    }
    expect(sameSpan([0, 10], [1e-9, 10])).toBe(true);
    expect(sameSpan([0, 10], [0.1, 10])).toBe(false);
  });
});

describe("ticks", () => {
  it("fall on round numbers", () => {
    expect([0.011, 0.02, 0.3, 7, 1e-9, 0, Number.NaN].map(niceStep)).toEqual([0.02, 0.02, 0.5, 10, 1e-9, 1, 1]);
    expect(linearTicks(-80, 0, 5).values).toEqual([-80, -60, -40, -20, 0]);
    expect(linearTicks(0, 0.5, 5)).toMatchObject({ decimals: 1, step: 0.1 });
    expect(linearTicks(0.1, 0.3, 2).values.map((v) => v.toFixed(1))).toEqual(["0.1", "0.2", "0.3"]);
  });

  it("on a time axis follow the clock", () => {
    expect(timeTicks(0, 3600, 7)).toMatchObject({ step: 600, decimals: 0 });
    expect(timeTicks(0, 100, 7).values).toEqual([0, 15, 30, 45, 60, 75, 90]);
    expect(timeTicks(12.3, 12.4, 5)).toMatchObject({ step: 0.02, decimals: 2 });
    expect(timeTicks(0, 12 * 3600, 6).step).toBe(7200);
  });

  it("never flood the axis", () => {
    for (const [low, high] of [
      [0, 1e-12],
      [0, 1e12],
      [1e9, 1e9 + 1e-3],
      [-1, 1],
    ] as const) {
      expect(linearTicks(low, high, 8).values.length).toBeLessThanOrEqual(10);
      expect(timeTicks(low, high, 8).values.length).toBeLessThanOrEqual(10);
    }
  });

  it("on a logarithmic axis thin out by decade", () => {
    expect(logTicks(20, 20_000, 12)).toEqual([20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000]);
    expect(logTicks(20, 20_000, 3)).toEqual([100, 1000, 10_000]);
    expect(logTicks(0, 100, 5)).toEqual([]);
  });
});

describe("labels of an axis", () => {
  const labels = (low: number, high: number) => {
    const { values, step, decimals } = linearTicks(low, high, 4);
    return values.map(axisLabel(Math.max(Math.abs(low), Math.abs(high)), step, decimals));
  };

  it("are short and all different, whatever the range", () => {
    expect(labels(-80, 0)).toEqual(["−80", "−60", "−40", "−20", "0"]);
    expect(labels(0, 0.5)).toEqual(["0.0", "0.2", "0.4"]);
    expect(labels(0, 2e6)).toEqual(["0", "5.0e5", "1.0e6", "1.5e6", "2.0e6"]);
    for (const [low, high] of [
      [0, 1e-9],
      [-1e300, 1e300],
      [0, 44_100],
      [1e6, 1e6 + 50],
    ] as const) {
      const words = labels(low, high);
      expect(new Set(words).size).toBe(words.length);
      for (const word of words) expect(word.length).toBeLessThanOrEqual(9);
    }
  });
});

describe("layers", () => {
  it("become safe to draw whatever was sent", () => {
    const nonsense = parsed({
      hop_s: Number.NaN,
      levels: -3,
      factor: 0,
      tile_buckets: 0,
      value_min: null,
      state: "odd",
    });
    expect(nonsense).toMatchObject({ buckets: 0, levels: 1, factor: 2, tile_buckets: 2048, state: "missing" });
    expect([nonsense.value_min, nonsense.value_max]).toEqual([-1, 1]);
    expect(parsed({ value_min: 3, value_max: 3 })).toMatchObject({ value_min: 3, value_max: 4 });
    expect(parsed({ buckets: Number.POSITIVE_INFINITY }).buckets).toBe(0);
    expect(
      parseLayers([null, 3, { name: 1 }, layer({ kind: "cube" }), layer(), layer({ label: "again" })]),
    ).toHaveLength(1);
    expect(parseLayers("no list")).toEqual([]);
  });

  it("know where their first bucket begins", () => {
    expect(parsed({ t0_s: 1 }).start_s).toBe(1);
    expect(image({ t0_s: 0 }).start_s).toBeCloseTo(-0.005);
    expect(layerEnd_s(image())).toBeCloseTo(99.995);
  });
});

describe("the pyramid", () => {
  const l = parsed({ buckets: 100_000, levels: 5 });

  it("counts buckets and tiles of every level", () => {
    expect([0, 1, 2, 3].map((level) => bucketsAt(l, level))).toEqual([100_000, 25_000, 6250, 1563]);
    expect([0, 1, 2, 3].map((level) => tilesAt(l, level))).toEqual([49, 13, 4, 1]);
    expect(edge_s(l, 3, 1563)).toBe(100);
    expect(tileSpan_s(l, 2, 3)).toEqual([98.304, 100]);
  });

  it("finds the bucket of a time", () => {
    expect(bucketAt(l, 0, 0.0015)).toBe(1);
    expect(bucketAt(l, 1, 0.0045)).toBe(1);
    expect([bucketAt(l, 0, -0.001), bucketAt(l, 0, 100), bucketAt(l, 0, Number.NaN)]).toEqual([-1, -1, -1]);
    expect(bucketAt(image(), 0, 0.0049)).toBe(0);
    expect(bucketAt(image(), 0, 0.0051)).toBe(1);
  });

  it("picks the coarsest level with at least one bucket per pixel", () => {
    expect(levelFor(l, 0.001)).toBe(0);
    expect(levelFor(l, 0.0039)).toBe(0);
    expect(levelFor(l, 0.004)).toBe(1);
    expect(levelFor(l, 1e9)).toBe(4);
    expect(levelFor(l, 1e-9)).toBe(0);
    expect(levelFor(image(), 0.016, 0.4)).toBe(1);
    expect(levelFor(parsed({ hop_s: 0 }), 1)).toBe(0);
  });

  it("lists the tiles that touch a span", () => {
    expect(visibleTiles(l, 0, 0, 2.048)).toEqual([0, 0]);
    expect(visibleTiles(l, 0, 2.0, 2.1)).toEqual([0, 1]);
    expect(visibleTiles(l, 0, -10, 1000)).toEqual([0, 48]);
    expect(visibleTiles(l, 0, 200, 300)).toBeNull();
    expect(visibleTiles(parsed({ buckets: 0 }), 0, 0, 1)).toBeNull();
  });

  it("covers a span without gaps or overlaps, with what is at hand", () => {
    const have = new Set(["0/0", "0/2", "3/0"]);
    const segments = cover(l, 0, 0, 8, ({ level, index }) => have.has(`${level}/${index}`));
    expect(segments.map(({ level, index, t0_s, t1_s }) => [level, index, t0_s, t1_s])).toEqual([
      [0, 0, 0, 2.048],
      [3, 0, 2.048, 4.096],
      [0, 2, 4.096, 6.144],
      [3, 0, 6.144, 8.192],
    ]);
    expect(cover(l, 0, 0, 8, () => false)).toEqual([]);
  });

  it("prefers finer tiles to coarser ones when zooming out", () => {
    const have = new Set(["0/0", "0/1", "0/2", "0/3", "2/0"]);
    const segments = cover(l, 1, 0, 16, ({ level, index }) => have.has(`${level}/${index}`));
    expect(segments.map(({ level, index }) => `${level}/${index}`)).toEqual(["0/0", "0/1", "0/2", "0/3", "2/0"]);
  });

  it("asks for the overview first, then from the middle outwards, then ahead", () => {
    const wants = wanted(l, 0, 4, 10, 1).map(({ level, index }) => `${level}/${index}`);
    expect(wants).toEqual(["4/0", "0/2", "0/3", "0/1", "0/4", "0/5"]);
    expect(wanted(l, 0, 4, 10, -1).at(-1)).toEqual(address(l, 0, 0));
    expect(wanted(l, 0, 0, 2, -1)).toHaveLength(2);
    expect(wanted(parsed({ buckets: 0 }), 0, 0, 1, 1)).toEqual([]);
    const flat = parsed({ levels: 1 });
    expect(wanted(flat, 0, 0, 4, 0).map(({ index }) => index)).toEqual([0, 1]);
  });
});

describe("the vertical axis", () => {
  const l = image({ rows: 1025, y_max: 22_050 });

  const mel = image({ rows: 4, y_min: 50, y_max: 8000, y_values: [50, 300, 2000, 8000] });

  it.each(["auto", "linear", "log", "mel"] as const)("goes there and back: %s", (choice) => {
    for (const layer_ of [l, mel]) {
      const axis = verticalAxis(layer_, choice);
      expect(heightOf(axis, axis.low)).toBe(0);
      expect(heightOf(axis, axis.high)).toBe(1);
      for (const hz of [100, 1000, 7000]) expect(valueAt(axis, heightOf(axis, hz))).toBeCloseTo(hz);
    }
  });

  it("has the scale that was chosen, where it makes sense", () => {
    expect(verticalAxis(l, "log").low).toBeCloseTo(22_050 / 1024, 1);
    expect(verticalAxis(l, "auto").scale).toBe("linear");
    expect(verticalAxis(mel, "auto").scale).toBe("rows");
    expect(verticalAxis(mel, "linear").scale).toBe("linear");
    expect(verticalAxis(image({ y_min: -2, y_max: -1 }), "log").scale).toBe("linear");
    expect(verticalAxis(image({ y_unit: "s" }), "mel").scale).toBe("linear");
    // Half way up a mel axis lies the frequency of half the mel.
    const axis = verticalAxis(l, "mel");
    const toMel = (hz: number) => 2595 * Math.log10(1 + hz / 700);
    expect(toMel(valueAt(axis, 0.5))).toBeCloseTo(toMel(22_050) / 2);
  });

  it("gives every row of its own spacing the same height", () => {
    const axis = verticalAxis(mel, "auto");
    for (let row = 0; row < 4; row++) expect(heightOf(axis, rowValue(mel, row))).toBeCloseTo((row + 0.5) / 4);
    expect([...rowRanges(mel, axis, 4)]).toEqual([3, 3, 2, 2, 1, 1, 0, 0]);
    expect([49, 170, 180, 7000].map((hz) => rowAt(mel, hz))).toEqual([0, 0, 1, 3]);
    expect(rowPlace(mel, 175)).toBeCloseTo(0.5);
  });

  it("finds rows and their values", () => {
    expect(rowAt(l, 0)).toBe(0);
    expect(rowAt(l, 1e9)).toBe(1024);
    expect(rowValue(l, 512)).toBe(11_025);
    expect(rowAt(l, rowValue(l, 77))).toBe(77);
    expect(rowValue(image({ rows: 1 }), 0)).toBe(0);
  });

  it.each([
    [1025, 208, "linear"],
    [1025, 208, "log"],
    [1025, 208, "mel"],
    [5, 208, "linear"],
    [5, 7, "log"],
    [1, 10, "linear"],
  ] as const)("puts every one of %i rows behind some of %i lines (%s)", (rows, height, choice) => {
    const layer_ = image({ rows, y_max: 22_050 });
    const axis = verticalAxis(layer_, choice);
    const ranges = rowRanges(layer_, axis, height);
    const seen = new Set<number>();
    for (let y = 0; y < height; y++) {
      expect(ranges[2 * y]).toBeLessThanOrEqual(ranges[2 * y + 1]);
      for (let row = ranges[2 * y]; row <= ranges[2 * y + 1]; row++) seen.add(row);
      if (y > 0) expect(ranges[2 * y + 1]).toBeLessThanOrEqual(ranges[2 * y - 2 + 1]);
    }
    const lowest = rowAt(layer_, axis.low);
    expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: rows - lowest }, (_, k) => k + lowest));
  });
});

describe("the view", () => {
  const view: View = { span: [10, 20], width: 1000, left: 50, right: 150, ratio: 2 };

  it("maps times to pixels and back", () => {
    expect(xOf(view, 10)).toBe(50);
    expect(xOf(view, 20)).toBe(850);
    expect(timeAt(view, xOf(view, 13.7))).toBeCloseTo(13.7);
    expect(areaOf(view, 6, 100)).toEqual({ x: 100, y: 12, width: 1600, height: 200, t0_s: 10, t1_s: 20 });
  });
});
