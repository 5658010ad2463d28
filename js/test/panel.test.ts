import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ANSWER_MS } from "../src/panel/actions";
import { mount } from "./fake";

const HOSTILE = '</script><img src=x onerror="alert(1)">';

const feature = (overrides = {}) => ({
  slot: "slot-rms",
  label: "RMS",
  feature: "rms",
  calculator: "rms",
  version: 1,
  unit: "",
  shape: "690 frames × 2 channels",
  size: "5.5 kB",
  bytes: 5520,
  parameters: "window 2048 · hop 512 · hann",
  state: "fresh",
  reason: "",
  error: "",
  can_reanalyze: true,
  why: "",
  ...overrides,
});
const row = (overrides = {}) => ({
  track_id: "t1",
  name: "loop.wav",
  source_id: "src-1",
  state: "ready",
  text: "Analysed",
  message: "Analysis complete",
  updated_at: 1_700_000_000,
  audio: "2 channels · 44.1 kHz · 8.00 s",
  health: "",
  summary: "Cached 2 feature tracks.",
  can_stop: false,
  stop_reason: "Nothing is running.",
  can_restart: true,
  restart_reason: "",
  features: [feature(), feature({ slot: "slot-spec", label: "Spectrogram", feature: "spectrogram", unit: "dB" })],
  ...overrides,
});
const traits = (...rows: object[]) => ({ view: "panel", rows, live: {} });

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  document.body.replaceChildren();
  vi.useRealTimers();
});

describe("CachesPanel", () => {
  it("says what to do when there is nothing", () => {
    const { find } = mount(traits());
    expect(find("h2").textContent).toBe("Analysis Caches");
    expect(find(".acn-empty").hidden).toBe(false);
    expect(find(".acn-empty").textContent).toBe("Add an audio track to begin analysing audio features.");
  });

  it("shows a card per track and a table of features sorted by label", () => {
    const { all, find } = mount(traits(row(), row({ track_id: "t2", features: [] })));
    expect(all("article")).toHaveLength(2);
    expect(find(".acn-empty").hidden).toBe(true);
    const lines = all("article:first-child tbody tr").map((line) => line.textContent);
    expect(lines[0]).toContain("RMSKey: rms · Calculator: rms · v1");
    expect(lines[1]).toContain("Spectrogram");
    expect(find("article").textContent).toContain("2 channels · 44.1 kHz · 8.00 s");
    expect(all("article:first-child th[scope=col]").map((cell) => cell.textContent)).toEqual([
      "Feature",
      "State",
      "Unit",
      "Shape",
      "Size",
      "Parameters",
    ]);
    expect(all(".acn-table-scroll")[1].hidden).toBe(true);
  });

  it.each([
    ["fresh", "Computed from this audio.", "", ""],
    ["stale", "hop_size 512 → 256", "", "hop_size 512 → 256"],
    ["failed", "The calculator failed: no luck.", "no luck", "The calculator failed: no luck."],
    ["failed", "no luck", "ValueError: no luck", "ValueError: no luck"],
    ["failed", "It failed.", "No luck.", "It failed. No luck."],
  ])("gives the reason of a %s feature once: %j, %j", (state, reason, error, words) => {
    const { find } = mount(traits(row({ features: [feature({ state, reason, error })] })));
    expect(find(".acn-feature-state .acn-fine").textContent).toBe(words);
    expect(find(".acn-feature-state .acn-fine").hidden).toBe(words === "");
    expect(find(".acn-feature-state .acn-pill").title).toBe(reason);
  });

  it("shows progress from the live trait with the original's words", () => {
    const { model, find } = mount(traits(row({ state: "pending", text: "Analysing…" })));
    expect(find(".acn-progress-label").textContent).toBe("Preparing analysis…");
    expect(find("[role=progressbar]").hasAttribute("aria-valuenow")).toBe(false);
    for (const [label, words] of [
      ["start", "Preparing analysis…"],
      ["", "Processing audio features…"],
      ["Spectrogram", "Spectrogram"],
      ["complete", "Finalising analysis…"],
    ]) {
      model.set("live", { t1: { value: 0.5, label, eta_s: null } });
      expect(find(".acn-progress-label").textContent).toBe(words);
    }
    expect(find("[role=progressbar]").getAttribute("aria-valuenow")).toBe("50");
  });

  it("offers what is stale, and what was too big, with its cost", () => {
    const { all, model } = mount(traits(row({ state: "stale", text: "Stale", stale: 2, cost: "about 42 s, 610 MB" })));
    const button = (name: string) => all("button").find((one) => one.textContent === name) as HTMLButtonElement;
    button("Re-analyse only what is stale").click();
    button("Compute (about 42 s, 610 MB)").click();
    expect(model.sent).toMatchObject([
      { kind: "action", verb: "refresh_stale", track_id: "t1" },
      { kind: "action", verb: "compute", track_id: "t1" },
    ]);
    model.set("rows", [row({ stale: 0, cost: "" })]);
    const shown = all("header .acn-button-holder").filter((holder) => !holder.hidden);
    expect(shown.map((holder) => holder.querySelector("button")?.textContent)).toEqual(["Stop", "Restart"]);
  });

  it("says why a button is disabled, to eyes and ears, and does not act", () => {
    const { find, model } = mount(traits(row()));
    const stop = find<HTMLButtonElement>("button[aria-label='Stop loop.wav']");
    expect(stop.getAttribute("aria-disabled")).toBe("true");
    expect(stop.title).toBe("Nothing is running.");
    expect(document.getElementById(stop.getAttribute("aria-describedby") ?? "")?.textContent).toBe(
      "Nothing is running.",
    );
    stop.click();
    expect(model.sent).toEqual([]);
  });

  it("is busy from the click to the answer", () => {
    const { find, model } = mount(traits(row()));
    const button = find<HTMLButtonElement>("button[aria-label='Re-analyse RMS']");
    button.focus();
    button.click();
    button.click();
    expect(model.sent).toEqual([
      { kind: "action", id: expect.any(Number), verb: "reanalyze", track_id: "t1", slots: ["slot-rms"] },
    ]);
    expect(button.getAttribute("aria-busy")).toBe("true");
    expect(find<HTMLButtonElement>("button[aria-label='Re-analyse Spectrogram']").hasAttribute("aria-busy")).toBe(
      false,
    );
    model.message({ kind: "done", id: model.sent[0].id, message: "" });
    expect(button.hasAttribute("aria-busy")).toBe(false);
    expect(document.activeElement).toBe(button);
  });

  it("shows a refusal in the card until the next click", () => {
    const { find, model } = mount(traits(row(), row({ track_id: "t2" })));
    const button = find<HTMLButtonElement>("button[aria-label='Restart loop.wav']");
    button.click();
    model.message({ kind: "refused", id: model.sent[0].id + 1000, message: "not ours" });
    expect(button.getAttribute("aria-busy")).toBe("true");
    model.message({ kind: "refused", id: model.sent[0].id, message: HOSTILE });
    expect(find(".acn-notice").textContent).toBe(HOSTILE);
    vi.advanceTimersByTime(1500);
    expect(find(".acn-ears[role=status]").textContent).toContain(HOSTILE);
    button.click();
    expect(find(".acn-notice").hidden).toBe(true);
    model.message({ kind: "refused", id: model.sent[1].id, message: "again" });
    expect(find(".acn-notice").hidden).toBe(false);
    model.set("rows", [row({ state: "pending" }), row({ track_id: "t2" })]);
    expect(find(".acn-notice").hidden).toBe(true);
  });

  it("does not stay busy when nobody answers or nobody is there", () => {
    const { find, model } = mount(traits(row()));
    const button = find<HTMLButtonElement>("button[aria-label='Restart loop.wav']");
    button.click();
    vi.advanceTimersByTime(ANSWER_MS + 1);
    expect(button.hasAttribute("aria-busy")).toBe(false);
    expect(find(".acn-notice").textContent).toContain("No answer");
    model.connected = false;
    button.click();
    expect(find(".acn-notice").textContent).toBe("The kernel is not connected.");
  });

  it("keeps elements and focus through updates, moves and removals", () => {
    const { find, all, model } = mount(traits(row(), row({ track_id: "t2", name: "two.wav" })));
    const button = find<HTMLButtonElement>("button[aria-label='Restart two.wav']");
    const card = all("article")[1];
    button.focus();
    model.set("rows", [
      row({ track_id: "t0", name: "new.wav" }),
      row({ state: "failed", text: "Failed" }),
      row({ track_id: "t2", name: "two.wav", message: "Changed" }),
    ]);
    expect(all("article")[2]).toBe(card);
    expect(card.textContent).toContain("Changed");
    expect(document.activeElement).toBe(button);
    model.set("rows", [row({ track_id: "t2", name: "two.wav", can_restart: false, restart_reason: "Busy." })]);
    expect(all("article")).toEqual([card]);
    expect(document.activeElement).toBe(button);
    expect(button.title).toBe("Busy.");
  });

  it("says changes of state, not progress", () => {
    const { find, model } = mount(traits(row({ state: "pending", text: "Analysing…" })));
    const ears = find(".acn-ears[role=status]");
    expect(ears.textContent).toBe("");
    model.set("live", { t1: { value: 0.5, label: "", eta_s: 3 } });
    vi.advanceTimersByTime(2000);
    expect(ears.textContent).toBe("");
    model.set("rows", [row()]);
    vi.advanceTimersByTime(2000);
    expect(ears.textContent).toBe("loop.wav: Analysed");
  });

  it("shows hostile names as text", () => {
    const hostile = {
      track_id: HOSTILE,
      name: HOSTILE,
      source_id: HOSTILE,
      message: HOSTILE,
      health: HOSTILE,
      audio: HOSTILE,
      summary: HOSTILE,
      state: HOSTILE,
      text: HOSTILE,
      restart_reason: HOSTILE,
      features: [
        feature({ slot: HOSTILE, label: HOSTILE, state: HOSTILE, reason: HOSTILE, error: HOSTILE, unit: HOSTILE }),
      ],
    };
    const { el, find, model } = mount(traits(row(hostile)));
    expect(el.querySelector("img, script")).toBeNull();
    expect(find("h3").textContent).toBe(HOSTILE);
    find<HTMLButtonElement>("tbody button").click();
    expect(model.sent[0]).toMatchObject({ track_id: HOSTILE, slots: [HOSTILE] });
  });

  it("takes anything for rows", () => {
    for (const rows of [null, 3, "x", [null, 1, {}], [{ features: [null, {}], updated_at: 1e300 }]]) {
      const { el } = mount({ view: "panel", rows, live: null });
      expect(el.textContent).not.toMatch(/NaN|undefined|Invalid/);
    }
  });
});
