import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { shareOf } from "../src/inspector/draw";
import { loudest, parseAxis, parseFrame } from "../src/inspector/frame";
import { mount, withWidth } from "./fake";

const bytes = (values: number[]) => new DataView(Float32Array.from(values).buffer);

const axis = (overrides = {}) => ({
  unit: "",
  names: ["C", "E", "G"],
  coords: [],
  width: 3,
  total: 3,
  low: 0,
  high: 1,
  fill: 0,
  kinds: ["chroma", "bars", "numbers"],
  ...overrides,
});

const frame = (overrides = {}) => ({
  time_s: 2.75,
  in_range: true,
  partial: false,
  index: 9,
  frames: 100,
  values: bytes([0.1, 0.9, 0.25]),
  trail: bytes([0, 0, 0, 0.1, 0.9, 0.25]),
  trail_rows: 2,
  trail_columns: 3,
  spacing_s: 0.02,
  ...overrides,
});

const traits = (overrides = {}) => ({
  view: "inspector",
  title: "loop · Chroma",
  kind: "",
  state: { state: "fresh", reason: "", there: true },
  axis: axis(),
  frame: frame(),
  tempo: { beats_per_bar: 4, segments: [[0, 0, 1920, 0]] },
  playhead: { session: "i", serial: 1, time_s: 0, playing: false, moving: false, rate: 1, start_s: 0, end_s: 10 },
  ...overrides,
});

beforeEach(() => {
  vi.useFakeTimers();
  withWidth(600);
});
afterEach(() => {
  document.body.replaceChildren();
  vi.useRealTimers();
});

const shown = (overrides = {}) => {
  const mounted = mount(traits(overrides));
  vi.advanceTimersByTime(50);
  return mounted;
};

describe("FrameInspector", () => {
  it("reads out the frame at the playhead", () => {
    const { find } = shown();
    expect(find(".acn-peak").textContent).toBe("E 0.9000");
    expect(find(".acn-where").textContent).toBe("0:02.750 · 2.2 · frame 10 of 100");
    expect(find(".acn-frame").getAttribute("aria-label")).toBe("Wheel: highest E 0.9000");
    expect(find(".acn-inspector").dataset.kind).toBe("chroma");
  });

  it("switches between the ways that fit, and keeps the choice in the model", () => {
    const { find, all, model } = shown();
    const visible = all<HTMLButtonElement>(".acn-toolbar button").filter((button) => !button.hidden);
    expect(visible.map((button) => button.textContent)).toEqual(["Bars", "Wheel", "Numbers"]);
    visible[2].click();
    vi.advanceTimersByTime(50);
    expect(model.traits.kind).toBe("numbers");
    expect(visible[2].getAttribute("aria-pressed")).toBe("true");
    expect(find(".acn-frame").hidden).toBe(true);
    expect(all("tbody tr").map((row) => row.textContent)).toEqual(["C0.1000", "E0.9000", "G0.2500"]);
    model.set("frame", frame({ values: bytes([1, 2]) }));
    vi.advanceTimersByTime(50);
    expect(all("tbody tr").length).toBe(2);
    model.set("kind", "spectrum");
    expect(find(".acn-inspector").dataset.kind, "it does not fit").toBe("chroma");
  });

  it("shows units, and frequencies where there are some", () => {
    const { find, all } = shown({
      axis: axis({ unit: "dB", names: [], coords: [0, 100, 200], low: -80, high: 0, kinds: ["spectrum"] }),
      frame: frame({ values: bytes([-80, -12.34, -40]) }),
    });
    expect(find(".acn-peak").textContent).toBe("100 Hz −12.3 dB");
    expect(all<HTMLButtonElement>(".acn-toolbar button").every((button) => button.hidden)).toBe(true);
  });

  it.each([
    ["missing", "Missing", "It has not been computed yet."],
    ["running", "Running", ""],
    ["stale", "Stale", "hop_size 512 → 256"],
    ["failed", "Failed", "ValueError: no"],
  ])("says that the feature is %s", (state, word, reason) => {
    const { find } = shown({ state: { state, reason, there: state === "stale" } });
    expect(find(".acn-pill").textContent).toBe(word);
    expect(find(".acn-inspector-note").textContent).toBe(reason);
    expect(find(".acn-frame").hidden).toBe(state !== "stale");
  });

  it("says that the playhead is elsewhere, and that there is more to come", () => {
    const { find, model } = shown({ frame: frame({ in_range: false }) });
    expect(find(".acn-inspector-note").textContent).toContain("outside");
    expect(find(".acn-peak").textContent).toBe("–");
    expect(find(".acn-where").textContent).not.toContain("frame");
    model.set("frame", frame({ partial: true }));
    vi.advanceTimersByTime(50);
    expect(find(".acn-inspector-note").textContent).toBe("What exists so far is shown.");
  });

  it("takes anything for a trait and leaves nothing behind", () => {
    for (const odd of [null, undefined, 3, [], { kinds: ["pie"], width: -1 }, { values: "x", time_s: 1 }]) {
      const { find, controller, model } = shown({ axis: odd, frame: odd, state: odd, title: odd, tempo: odd });
      expect(find(".acn-inspector").textContent).not.toContain("NaN");
      controller.abort();
      expect(model.listeners).toBe(0);
    }
  });
});

it("holes are no values", () => {
  expect(loudest(Float32Array.of(Number.NaN, 1, 3, Number.POSITIVE_INFINITY))).toBe(2);
  expect(loudest(Float32Array.of(Number.NaN))).toBe(-1);
  expect(parseFrame({})).toBeNull();
  expect(parseFrame({ time_s: 1, trail: bytes([1, 2]), trail_rows: 5, trail_columns: 3 })?.rows).toBe(0);
  expect(shareOf(parseAxis({ low: -80, high: 0 }), -40)).toBe(0.5);
  expect(shareOf(parseAxis({ low: 1, high: 1 }), 9)).toBe(1);
});
