import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { mount } from "./fake";

const traits = (overrides = {}) => ({
  view: "badge",
  track_id: "t1",
  name: "loop.wav",
  state: "pending",
  text: "Analysing…",
  message: "",
  progress: 0.2,
  label: "Spectrogram",
  eta_s: 12,
  updated_at: null,
  ...overrides,
});

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  document.body.replaceChildren();
  vi.useRealTimers();
});

describe("StatusBadge", () => {
  it("is a status with a word and a shape", () => {
    const { find } = mount(traits({ state: "ready", text: "Analysed", message: "Analysis complete" }));
    const output = find("output[role=status]");
    expect(output.dataset.state).toBe("ready");
    expect(output.textContent).toContain("Analysed");
    expect(find(".acn-pill svg path").getAttribute("d")).toBeTruthy();
    expect(find(".acn-ears").textContent).toBe("loop.wav: Analysed. Analysis complete");
    expect(find(".acn-progress").hidden).toBe(true);
  });

  it("has another shape for every state", () => {
    const shapes = ["ready", "pending", "failed", "stale", "idle"].map((state) =>
      mount(traits({ state, text: "" }))
        .find(".acn-pill path")
        .getAttribute("d"),
    );
    expect(new Set(shapes).size).toBe(5);
  });

  it("shows progress at once to eyes and once a second to ears", () => {
    const { find, model } = mount(traits());
    expect(find(".acn-progress-detail").textContent).toBe("20\u202f% · about 12 s left");
    const spoken = find(".acn-ears").textContent;
    let changes = 0;
    for (let k = 1; k <= 50; k++) {
      model.set("progress", 0.2 + k / 100);
      expect(find(".acn-bar").getAttribute("aria-valuenow")).toBe(String(20 + k));
      const before = find(".acn-ears").textContent;
      vi.advanceTimersByTime(50);
      if (find(".acn-ears").textContent !== before) changes++;
    }
    vi.advanceTimersByTime(1000);
    expect(changes).toBeLessThanOrEqual(3);
    expect(find(".acn-ears").textContent).not.toBe(spoken);
    expect(find(".acn-ears").textContent).toContain("70\u202f%");
  });

  it("takes anything for a trait", () => {
    for (const odd of [null, undefined, Number.NaN, {}, [], "constructor", -5]) {
      const { find } = mount(
        traits({ state: odd, text: odd, message: odd, progress: odd, label: odd, eta_s: odd, name: odd }),
      );
      expect(find("output").textContent).not.toContain("NaN");
      expect(find("output").textContent).not.toContain("[object");
    }
  });
});
