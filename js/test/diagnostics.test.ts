import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ASK_AGAIN_MS } from "../src/diagnostics/book";
import { PAGE_ROWS } from "../src/diagnostics/diagnostics";
import { arrange, type DiagnosticGroup, type DiagnosticRow, parseGroup, parseRow } from "../src/diagnostics/rows";
import { formatAge, formatDuration } from "../src/format";
import { ListenerBook, type Mounted, mount } from "./fake";

const HOSTILE = '</script><img src=x onerror="alert(1)">';

const row = (overrides = {}) => ({
  group: "g1",
  name: "rms",
  label: "RMS",
  calculator: "rms",
  state: "stale",
  word: "Stale",
  severity: 4,
  issue: true,
  busy: false,
  reason: "hop_size 512 → 256",
  notes: [],
  owners: "my plot",
  size: "2.8 kB",
  cost: "0.2 s",
  computed_at: 1_700_000_000,
  can: ["regenerate"],
  ...overrides,
});
const group = (overrides = {}) => ({
  title: "loop.wav",
  profile: "default",
  severity: 4,
  order: 0,
  counts: "1 stale",
  size: "2.8 kB",
  fixable: 1,
  cost: "about 0.2 s, 2.8 kB",
  extraneous: 0,
  extraneous_size: "0 B",
  ...overrides,
});
const extraneous = { state: "extraneous", word: "Extraneous", severity: 2, can: ["dismiss", "delete"], cost: "" };
const traits = (rows: object, groups: object = { g1: group() }, more = {}) => ({
  view: "diagnostics",
  delta: { from: -1, to: 1, rows, groups },
  live: {},
  jobs: [],
  history: [],
  waiting: [],
  banner: { visible: false, text: "" },
  summary: "1 issue",
  issues_only: true,
  sort: "severity",
  ...more,
});

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  document.body.replaceChildren();
  vi.useRealTimers();
});

const frame = () => vi.advanceTimersByTime(40);
const labels = ({ all }: Mounted) => all("tr.acn-diagnostic .acn-feature-label").map((label) => label.textContent);
const button = ({ all }: Mounted, name: string) => {
  const found = all<HTMLButtonElement>("button").find((one) => one.getAttribute("aria-label") === name);
  if (!found) throw new Error(`no button ${name}`);
  return found;
};

describe("DiagnosticsTable", () => {
  it("is a real table with a caption, and each row says its state and why", () => {
    const { find, all } = mount(traits({ a: row({ notes: ["worth a look"] }) }));
    expect(find("caption").textContent).toContain("asked for");
    const head = all("thead th");
    expect(head.map((cell) => cell.getAttribute("scope"))).toEqual(head.map(() => "col"));
    expect(find("tr.acn-diagnostic th").getAttribute("scope")).toBe("row");
    const cells = all("tr.acn-diagnostic > *").map((cell) => cell.textContent);
    expect(cells.slice(0, 6)).toEqual([
      "RMSrms",
      "Stale",
      "hop_size 512 → 256worth a look",
      "my plot",
      "2.8 kB",
      "0.2 s",
    ]);
    expect(find("tr.acn-diagnostic .acn-pill svg").getAttribute("aria-hidden")).toBe("true");
    expect(find("time").getAttribute("datetime")).toBe("2023-11-14T22:13:20.000Z");
  });

  it("shows texts as texts", () => {
    const hostile = { label: HOSTILE, reason: HOSTILE, owners: HOSTILE, name: HOSTILE };
    const { all } = mount(traits({ a: row(hostile) }, { g1: group({ title: HOSTILE }) }, { summary: HOSTILE }));
    expect(all("img, script")).toEqual([]);
  });

  it("takes in what changes, and nothing else moves", () => {
    const mounted = mount(traits({ a: row(), b: row({ name: "zcr", label: "ZCR" }) }));
    const before = mounted.all("tr.acn-diagnostic");
    const regenerating = row({ state: "running", word: "Running…", issue: false, busy: true, can: [], severity: 4 });
    mounted.model.set("delta", { from: 1, to: 2, rows: { a: regenerating } });
    frame();
    expect(mounted.all("tr.acn-diagnostic")).toEqual(before);
    expect(before[0].textContent).toContain("Running…");
    mounted.model.set("delta", { from: 2, to: 3, rows: { a: row({ state: "current", issue: false }), b: null } });
    frame();
    expect(labels(mounted)).toEqual([]);
    expect(mounted.find(".acn-empty").textContent).toContain("No issues.");
    mounted.model.set("issues_only", false);
    frame();
    expect(labels(mounted)).toEqual(["RMS"]);
  });

  it("asks for the whole when it has missed something, once", () => {
    const { model, all } = mount(traits({ a: row() }));
    model.set("delta", { from: 7, to: 8, rows: { b: row() } });
    model.set("delta", { from: 8, to: 9, rows: { c: row() } });
    expect(model.sent).toMatchObject([{ kind: "command", verb: "resync", target: "" }]);
    vi.advanceTimersByTime(ASK_AGAIN_MS + 1);
    model.set("delta", { from: 9, to: 10, rows: {} });
    expect(model.sent).toHaveLength(2);
    model.set("delta", { from: -1, to: 11, rows: { c: row({ label: "C" }) }, groups: { g1: group() } });
    frame();
    expect(all("tr.acn-diagnostic .acn-feature-label").map((one) => one.textContent)).toEqual(["C"]);
  });

  it("acts on rows, groups and everything by the names they came with", () => {
    const mounted = mount(traits({ a: row() }));
    const { model } = mounted;
    button(mounted, "Regenerate RMS of loop.wav").click();
    expect(model.sent[0]).toMatchObject({ kind: "command", verb: "regenerate", target: "g1", rows: ["a"] });
    frame();
    expect(button(mounted, "Regenerate RMS of loop.wav").getAttribute("aria-busy")).toBe("true");
    model.message({ kind: "refused", id: model.sent[0].id, message: "No." });
    frame();
    expect(mounted.find(".acn-notice").textContent).toBe("No.");
    button(mounted, "Regenerate all of loop.wav").click();
    button(mounted, "Regenerate all of all tracks").click();
    expect(model.sent.slice(1)).toMatchObject([
      { verb: "regenerate_all", target: "g1" },
      { verb: "regenerate_all", target: "" },
    ]);
    expect(model.sent[1].slots).toBeUndefined();
  });

  it("asks before it deletes, with the size, and the careful answer has the focus", () => {
    const mounted = mount(traits({ a: row(extraneous) }, { g1: group({ extraneous: 1, extraneous_size: "2.8 kB" }) }));
    button(mounted, "Delete… RMS of loop.wav").click();
    expect(mounted.model.sent).toEqual([]);
    const box = mounted.find("tr.acn-diagnostic .acn-confirm-box");
    expect(box.hidden).toBe(false);
    expect(box.textContent).toContain("Delete 2.8 kB?");
    expect(document.activeElement?.textContent).toBe("Keep");
    document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    expect(box.hidden).toBe(true);
    expect(document.activeElement).toBe(button(mounted, "Delete… RMS of loop.wav"));
    button(mounted, "Delete… RMS of loop.wav").click();
    box.querySelector<HTMLButtonElement>("button")?.click();
    expect(mounted.model.sent).toMatchObject([{ verb: "delete", target: "g1", rows: ["a"] }]);
    const all = mounted.find(".acn-tools .acn-confirm-box");
    button(mounted, "Delete extraneous… of all tracks").click();
    expect(all.textContent).toContain("Delete 1 feature, 2.8 kB?");
  });

  it("keeps the focus where somebody works when lines move and go", () => {
    const mounted = mount(
      traits({ a: row(), b: row({ name: "zcr", label: "ZCR" }), c: row({ name: "x", label: "X" }) }),
    );
    expect(labels(mounted)).toEqual(["RMS", "X", "ZCR"]);
    button(mounted, "Regenerate RMS of loop.wav").focus();
    const busy = row({ state: "queued", word: "Queued", severity: 3, issue: false, busy: true, can: [] });
    mounted.model.set("delta", { from: 1, to: 2, rows: { a: busy } });
    frame();
    expect(labels(mounted)).toEqual(["X", "ZCR", "RMS"]);
    expect(document.activeElement?.getAttribute("aria-label")).toBe("Regenerate X of loop.wav");
    document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
    expect(document.activeElement?.getAttribute("aria-label")).toBe("Regenerate ZCR of loop.wav");
    mounted.model.set("delta", { from: 2, to: 3, rows: { a: null, b: null, c: null } });
    frame();
    expect(document.activeElement?.className).toContain("acn-diagnostics-scroll");
  });

  it("offers what waits, with its cost, and the banner", () => {
    const call = {
      group: "g1",
      title: "loop.wav",
      text: "4 features would take about 42 s, 610 MB.",
      cost: "about 42 s",
    };
    const banner = { visible: true, text: "1 feature needs attention: 1 stale." };
    const mounted = mount(traits({ a: row() }, undefined, { waiting: [call], banner }));
    expect(mounted.find(".acn-waiting").textContent).toContain("loop.wav 4 features would take about 42 s, 610 MB.");
    button(mounted, "Compute loop.wav").click();
    button(mounted, "Dismiss the banner").click();
    expect(mounted.model.sent).toMatchObject([
      { verb: "compute", target: "g1" },
      { verb: "dismiss_banner", target: "" },
    ]);
    expect(mounted.find(".acn-banner").hidden).toBe(false);
    mounted.model.set("banner", { visible: false, text: banner.text });
    frame();
    expect(mounted.find(".acn-banner").hidden).toBe(true);
  });

  it("follows jobs and keeps a history that is drawn when it is opened", () => {
    const job = { id: "r-1", state: "running", features: "rms", track: "loop.wav", error: "", can: ["cancel"] };
    const done = {
      timestamp: 1,
      action: "regenerate",
      features: "zcr",
      track: "t",
      status: "failed",
      seconds: 0.25,
      note: "no",
    };
    const mounted = mount(traits({ a: row() }, undefined, { jobs: [job], history: [done] }));
    mounted.model.set("live", {
      "r-1": { value: 0.5, label: "RMS", eta_s: 4 },
      g1: { value: 0.25, label: "x", eta_s: null },
    });
    expect(mounted.find(".acn-job [role=progressbar]").getAttribute("aria-valuenow")).toBe("50");
    expect(mounted.find(".acn-group [role=progressbar]").getAttribute("aria-valuenow")).toBe("25");
    button(mounted, "Cancel rms of loop.wav").click();
    expect(mounted.model.sent).toMatchObject([{ verb: "cancel", target: "r-1" }]);
    const history = mounted.find<HTMLDetailsElement>("details");
    expect(history.querySelectorAll("tbody tr")).toHaveLength(0);
    history.open = true;
    history.dispatchEvent(new Event("toggle"));
    expect(history.querySelector("tbody tr")?.textContent).toContain("regenerate: zcr of t");
    mounted.model.set("jobs", [{ ...job, state: "failed", error: "no luck", can: ["retry"] }]);
    frame();
    expect(mounted.find(".acn-job").textContent).toContain("no luck");
    button(mounted, "Retry rms of loop.wav").click();
    expect(mounted.model.sent[1]).toMatchObject({ verb: "retry", target: "r-1" });
  });

  it("writes the filter and the order into the model", () => {
    const { find, model } = mount(traits({ a: row() }));
    const box = find<HTMLInputElement>("input[type=checkbox]");
    expect(box.checked).toBe(true);
    box.checked = false;
    box.dispatchEvent(new Event("change"));
    expect(model.get("issues_only")).toBe(false);
    const sort = find<HTMLSelectElement>("select");
    sort.value = "track";
    sort.dispatchEvent(new Event("change"));
    expect(model.get("sort")).toBe("track");
    expect(model.saves).toBe(2);
  });

  it("draws the first of very many rows, and more on request", () => {
    const many = Object.fromEntries(
      Array.from({ length: PAGE_ROWS + 20 }, (_, k) => [`r${k}`, row({ name: `f${k}` })]),
    );
    const { all, find } = mount(traits(many));
    expect(all("tr.acn-diagnostic")).toHaveLength(PAGE_ROWS);
    const more = all<HTMLButtonElement>("button").find((one) => one.textContent?.startsWith("Show"));
    expect(more?.textContent).toBe("Show 20 more of 20");
    more?.click();
    expect(all("tr.acn-diagnostic")).toHaveLength(PAGE_ROWS + 20);
    expect(find(".acn-summary").textContent).toBe("1 issue");
  });

  it("leaves nothing behind", () => {
    const books = new ListenerBook([document, window]);
    const { controller, model } = mount(traits({ a: row(), b: row(extraneous) }));
    controller.abort();
    expect(model.listeners).toBe(0);
    expect(books.live).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
    books.close();
  });
});

describe("arrange", () => {
  const groups = new Map<string, DiagnosticGroup>([
    ["g1", parseGroup("g1", group({ severity: 4, order: 0, title: "first" }))],
    ["g2", parseGroup("g2", group({ severity: 7, order: 1, title: "second" }))],
  ]);
  const rows = new Map<string, DiagnosticRow>(
    [
      row({ group: "g1", name: "b" }),
      row({ group: "g1", name: "a", severity: 6 }),
      row({ group: "g2", name: "c" }),
      row({ group: "g1", name: "0", issue: false, state: "current", severity: 0 }),
    ].map((value, k) => [`r${k}`, parseRow(`r${k}`, value)]),
  );
  const names = (sort: "severity" | "track", issuesOnly: boolean, limit = 99) =>
    arrange(groups, rows, sort, issuesOnly, limit).lines.map((line) =>
      line.kind === "group" ? line.group.title : line.row.name,
    );

  it("puts the worst first, or keeps the order of tracks and names", () => {
    expect(names("severity", true)).toEqual(["second", "c", "first", "a", "b"]);
    expect(names("track", true)).toEqual(["first", "a", "b", "second", "c"]);
    expect(names("track", false)).toEqual(["first", "0", "a", "b", "second", "c"]);
  });

  it("counts what it leaves out", () => {
    expect(names("track", false, 2)).toEqual(["first", "0", "a"]);
    expect(arrange(groups, rows, "track", false, 2).total).toBe(4);
  });
});

describe("times", () => {
  it("are said as people say them", () => {
    expect([5, 90, 7300, 200_000].map(formatAge)).toEqual(["just now", "1 min ago", "2 h ago", "2 d ago"]);
    expect([0.0004, 0.25, 3.21, 42, 600, Number.NaN].map(formatDuration)).toEqual([
      "1 ms",
      "250 ms",
      "3.2 s",
      "42 s",
      "10 min",
      "–",
    ]);
  });
});
