import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Control, parseControls, scaleOf } from "../src/explorer/controls";
import { REST_MS } from "../src/explorer/draft";
import { ANSWER_MS } from "../src/panel/actions";
import { type Mounted, mount } from "./fake";

const HOSTILE = '</script><img src=x onerror="alert(1)">';
const control = (overrides = {}) => ({
  group: "params",
  name: "n_mfcc",
  kind: "int",
  value: 20,
  default: 20,
  minimum: 1,
  maximum: 1024,
  choices: [],
  optional: false,
  unit: "",
  about: "Number of coefficients.",
  ...overrides,
});
const controls = [
  control(),
  control({ name: "fmax", kind: "float", value: null, default: null, maximum: 11_025, optional: true, unit: "Hz" }),
  control({ name: "trim", kind: "bool", value: true, default: true, minimum: null, maximum: null }),
  control({
    group: "profile",
    name: "window",
    kind: "choice",
    value: "hann",
    default: "hann",
    choices: ["hann", "boxcar"],
  }),
];
const calculator = (id: string, label: string, family: string) => ({ id, label, family, about: `about ${id}` });
const traits = (more = {}) => ({
  view: "explorer",
  title: "loop.wav",
  catalogue: [
    calculator("mine", "mine", "Your own"),
    calculator("mfcc", "MFCC", "Spectrum"),
    calculator("rms", "RMS", "Level"),
    calculator("mvmnt.rms", "RMS", "MVMNT"),
  ],
  calculator: "mfcc",
  about: "Mel-frequency cepstral coefficients.",
  controls,
  result: { state: "fresh", word: "Up to date", facts: "computed in 0.2 s", reason: "", cost: "", behind: false },
  code: "mfcc = session.get('loop', 'mfcc')",
  parts: {},
  ...more,
});

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  document.body.replaceChildren();
  vi.useRealTimers();
});

const field = ({ find }: Mounted, name: string, selector: string) =>
  find<HTMLInputElement>(`.acn-field[data-name="${name}"] ${selector}`);
const type = (input: HTMLInputElement, value: string) => {
  input.value = value;
  input.dispatchEvent(new Event("input"));
};
const answer = ({ model }: Mounted, content = {}) =>
  model.message({ kind: "done", id: model.sent.at(-1)?.id, message: "", ...content });

describe("CalculatorExplorer", () => {
  it("has a labelled and described control for every parameter", () => {
    const mounted = mount(traits());
    expect(mounted.all(".acn-field .acn-field-name").map((label) => label.textContent)).toEqual([
      "n mfcc",
      "fmax",
      "trim",
      "window",
    ]);
    const number = field(mounted, "n_mfcc", "[type=number]");
    const label = mounted.find<HTMLLabelElement>(".acn-field label");
    expect(label.htmlFor).toBe(number.id);
    const described = number.getAttribute("aria-describedby")?.split(" ") ?? [];
    expect(document.getElementById(described[0])?.textContent).toBe("Number of coefficients.");
    expect(field(mounted, "n_mfcc", "[type=range]").getAttribute("aria-valuetext")).toBe("20");
    expect(field(mounted, "fmax", "[type=number]").disabled).toBe(true);
    expect(field(mounted, "window", "select").value).toBe("0");
  });

  it("sends what was set when the hand rests, once, and only what is no default", () => {
    const mounted = mount(traits());
    const { model } = mounted;
    for (const value of ["1", "13"]) type(field(mounted, "n_mfcc", "[type=number]"), value);
    const window = mounted.find<HTMLSelectElement>(".acn-field[data-name=window] select");
    window.value = "1";
    window.dispatchEvent(new Event("change"));
    vi.advanceTimersByTime(REST_MS - 1);
    expect(model.sent).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(model.sent).toMatchObject([
      { kind: "explore", calculator: "mfcc", params: { n_mfcc: 13 }, profile: { window: "boxcar" } },
    ]);
  });

  it("has one request on its way at a time, and the latest wins", () => {
    const mounted = mount(traits());
    const { model } = mounted;
    const number = field(mounted, "n_mfcc", "[type=number]");
    for (const value of ["10", "11", "12"]) {
      type(number, value);
      vi.advanceTimersByTime(REST_MS);
    }
    expect(model.sent).toHaveLength(1);
    answer(mounted);
    expect(model.sent).toHaveLength(2);
    expect(model.sent[1]).toMatchObject({ params: { n_mfcc: 12 } });
    answer(mounted);
    expect(model.sent).toHaveLength(2);
  });

  it("does not take the value out of somebody's hand", () => {
    const mounted = mount(traits());
    const number = field(mounted, "n_mfcc", "[type=number]");
    type(number, "13");
    mounted.model.set("controls", [control({ value: 99 }), ...controls.slice(1)]);
    expect(number.value).toBe("13");
    vi.advanceTimersByTime(REST_MS);
    mounted.model.set("controls", [control({ value: 13 }), ...controls.slice(1)]);
    answer(mounted);
    mounted.model.set("controls", [control({ value: 40 }), ...controls.slice(1)]);
    expect(number.value).toBe("40");
  });

  it("says what is wrong beside the parameter", () => {
    const mounted = mount(traits());
    const number = field(mounted, "n_mfcc", "[type=number]");
    type(number, "0");
    vi.advanceTimersByTime(REST_MS);
    answer(mounted, { kind: "refused", message: "n_mfcc is 0, outside 1 to 1024.", parameter: "n_mfcc" });
    expect(number.getAttribute("aria-invalid")).toBe("true");
    expect(field(mounted, "n_mfcc", ".acn-field-error").textContent).toBe("n_mfcc is 0, outside 1 to 1024.");
    expect(number.value).toBe("0");
    type(number, "5");
    vi.advanceTimersByTime(REST_MS);
    answer(mounted);
    expect(number.hasAttribute("aria-invalid")).toBe(false);
    type(number, "6");
    vi.advanceTimersByTime(REST_MS + ANSWER_MS);
    expect(mounted.find(".acn-notice").textContent).toContain("No answer yet");
  });

  it("lets optional parameters be automatic", () => {
    const mounted = mount(traits());
    const automatic = field(mounted, "fmax", "[type=checkbox]");
    expect(automatic.checked).toBe(true);
    automatic.checked = false;
    automatic.dispatchEvent(new Event("change"));
    expect(field(mounted, "fmax", "[type=number]").value).toBe("11025");
    vi.advanceTimersByTime(REST_MS);
    expect(mounted.model.sent).toMatchObject([{ params: { fmax: 11_025 } }]);
  });

  it("goes back to the defaults, and to another calculator with the same frames", () => {
    const own = [control({ value: 13 }), ...controls.slice(1, 3), { ...controls[3], value: "boxcar" }];
    const mounted = mount(traits({ controls: own }));
    const list = mounted.find<HTMLSelectElement>(".acn-chooser select");
    list.value = "rms";
    list.dispatchEvent(new Event("change"));
    vi.advanceTimersByTime(1);
    expect(mounted.model.sent).toMatchObject([{ calculator: "rms", params: {}, profile: { window: "boxcar" } }]);
    answer(mounted);
    mounted
      .all<HTMLButtonElement>("button")
      .find((one) => one.textContent === "Reset to defaults")
      ?.click();
    vi.advanceTimersByTime(1);
    expect(mounted.model.sent[1]).toMatchObject({ calculator: "mfcc", params: {}, profile: {} });
    expect(field(mounted, "n_mfcc", "[type=number]").value).toBe("20");
  });

  it("finds calculators by words, in groups", () => {
    const mounted = mount(traits());
    const groups = () => mounted.all<HTMLOptGroupElement>("optgroup").map((group) => group.label);
    expect(groups()).toEqual(["Your own", "Spectrum", "Level", "MVMNT"]);
    expect(mounted.all("option").map((one) => one.textContent)).toContain("RMS (mvmnt.rms)");
    const search = mounted.find<HTMLInputElement>("[type=search]");
    type(search, "rms level");
    expect(groups()).toEqual(["Level"]);
    type(search, "nothing like it");
    expect(groups()).toEqual([]);
    expect(mounted.find(".acn-chooser p").textContent).toBe("No calculator matches.");
  });

  it("shows how it stands, and offers what is too big", () => {
    const result = {
      state: "missing",
      word: "Not computed",
      reason: "Waits.",
      cost: "about 42 s, 610 MB",
      behind: true,
    };
    const mounted = mount(traits({ result }));
    expect(mounted.find(".acn-explorer-result").textContent).toContain("Waits. The plot shows the settings before.");
    const compute = mounted.all<HTMLButtonElement>("button").find((one) => one.textContent?.startsWith("Compute"));
    expect(compute?.textContent).toBe("Compute (about 42 s, 610 MB)");
    compute?.click();
    expect(mounted.model.sent).toMatchObject([{ kind: "command", verb: "compute" }]);
  });

  it("shows texts as texts, says when it has no place for the plot, and leaves nothing behind", () => {
    const hostile = [control({ name: HOSTILE, about: HOSTILE, unit: HOSTILE, kind: "choice", choices: [HOSTILE] })];
    const more = { title: HOSTILE, code: HOSTILE, about: HOSTILE, catalogue: [calculator(HOSTILE, HOSTILE, HOSTILE)] };
    const mounted = mount(traits({ controls: hostile, ...more }));
    expect(mounted.all("img, script")).toEqual([]);
    expect(mounted.find(".acn-child").textContent).toContain("cannot show a widget within a widget");
    mounted.controller.abort();
    expect(mounted.model.listeners).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("scales", () => {
  const scale = (overrides: object) => scaleOf(parseControls([control(overrides)])[0] as Control);

  it.each([
    ["whole numbers", { minimum: 1, maximum: 64 }, [1, 2, 33, 64]],
    ["a part", { kind: "float", minimum: 0, maximum: 1 }, [0, 0.25, 0.5, 1]],
    ["frequencies", { kind: "float", minimum: 0, maximum: 22_050 }, [0, 22_050]],
    ["powers of ten", { kind: "float", minimum: 1e-10, maximum: 1 }, [1e-10, 1]],
    ["sizes", { minimum: 1, maximum: 1 << 20, choices: [32, 64, 128] }, [32, 64, 128]],
  ])("of %s go there and back", (_, overrides, values) => {
    const found = scale(overrides);
    for (const value of values) expect(found?.at(found.of(value))).toBeCloseTo(value, 12);
    expect(found?.at(0)).toBe(values[0]);
    expect(found?.at(found.steps)).toBeCloseTo(values.at(-1) ?? 0, 12);
  });

  it("give small values room where the range is wide", () => {
    const found = scale({ kind: "float", minimum: 0, maximum: 22_050 });
    expect(found?.at(found.steps / 4)).toBeLessThan(200);
    expect(scale({ minimum: null })).toBeNull();
    expect(scale({ kind: "text" })).toBeNull();
  });
});
