import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fileUrl, PIECE_BYTES, parseMedia } from "../src/transport/media";
import { levelOf } from "../src/transport/mixer";
import { spokenTime } from "../src/transport/words";
import { type FakeModel, mount, type Sent } from "./fake";

/** What a browser's element does, as far as the engine relies on it, on the clock of the test. */
function fakeElements() {
  const refuse = { with: "" };
  const clock = new WeakMap<HTMLMediaElement, { from_s: number; at_ms: number; paused: boolean; rate: number }>();
  const of = (element: HTMLMediaElement) => {
    const known = clock.get(element) ?? { from_s: 0, at_ms: 0, paused: true, rate: 1 };
    clock.set(element, known);
    return known;
  };
  const now = (element: HTMLMediaElement) => {
    const { from_s, at_ms, paused, rate } = of(element);
    return paused ? from_s : from_s + ((performance.now() - at_ms) / 1000) * rate;
  };
  const anchor = (element: HTMLMediaElement, change: object) => {
    const from_s = now(element);
    Object.assign(of(element), { from_s, at_ms: performance.now() }, change);
  };
  const prototype = HTMLMediaElement.prototype;
  const define = (
    name: string,
    get: (this: HTMLMediaElement) => unknown,
    set?: (this: HTMLMediaElement, v: never) => void,
  ) => Object.defineProperty(prototype, name, { configurable: true, get, ...(set ? { set } : {}) });
  define("paused", function () {
    return of(this).paused;
  });
  define("seeking", () => false);
  define("readyState", function () {
    return this.getAttribute("src") ? 4 : 0;
  });
  define(
    "src",
    function () {
      return this.getAttribute("src") ?? "";
    },
    function (value: string) {
      this.setAttribute("src", value);
      anchor(this, { from_s: 0 });
    },
  );
  define(
    "currentTime",
    function () {
      return now(this);
    },
    function (value: number) {
      anchor(this, { from_s: value });
    },
  );
  define(
    "playbackRate",
    function () {
      return of(this).rate;
    },
    function (value: number) {
      anchor(this, { rate: value });
    },
  );
  define(
    "volume",
    () => 1,
    () => undefined,
  );
  prototype.load = () => undefined;
  prototype.pause = function () {
    anchor(this, { paused: true });
  };
  prototype.play = async function () {
    if (refuse.with) throw new DOMException("no", refuse.with);
    anchor(this, { paused: false });
    this.dispatchEvent(new Event("playing"));
  };
  return refuse;
}

const media = (overrides = {}) => ({
  key: "abc-wave",
  way: "pieces",
  path: [],
  mime: "audio/wav",
  offset_s: 0,
  start_s: 0,
  end_s: 20,
  gain: 1,
  title: "loop",
  reason: "",
  nbytes: 0,
  head: "",
  ...overrides,
});

let session = 0;
const traits = (overrides = {}, playhead = {}) => ({
  view: "transport",
  title: "loop",
  volume: 1,
  media: media(),
  tempo: { beats_per_bar: 4, segments: [[0, 0, 1920, 0]] },
  playhead: {
    session: `t${session}`,
    serial: 1,
    time_s: 0,
    playing: false,
    moving: false,
    rate: 1,
    loop: null,
    start_s: 0,
    end_s: 20,
    client: "",
    ...playhead,
  },
  ...overrides,
});

/** A kernel that sends a recording of `total` bytes. */
function kernel(total: number) {
  return (model: FakeModel) => {
    model.answer = (message: Sent & { key?: string }) => {
      if (message.kind !== "piece") return;
      const size = Math.min(PIECE_BYTES, total - message.index * PIECE_BYTES);
      const buffer = new DataView(new Uint8Array(size).fill(message.index).buffer);
      const header = { kind: "piece", id: message.id, key: message.key, index: message.index, nbytes: total };
      queueMicrotask(() => model.message(header, buffer));
    };
  };
}

let refuse: { with: string };
const sound = () => document.querySelector("audio") as HTMLAudioElement;
const settle = (ms = 100) => vi.advanceTimersByTimeAsync(ms);
const position = (model: FakeModel) => model.traits.position as Record<string, unknown>;
const clientOf = (model: FakeModel) =>
  (model.sent.find((m) => m.kind === "sound") as unknown as { client: string }).client;
const sentVerbs = (model: FakeModel) =>
  model.sent.filter((m) => m.kind === "playhead" && m.verb !== ("sync" as string)).map((m) => m.verb);

beforeEach(() => {
  session++;
  vi.useFakeTimers();
  refuse = fakeElements();
  vi.stubGlobal("URL", Object.assign(URL, { createObjectURL: () => `blob:${session}`, revokeObjectURL: vi.fn() }));
});
afterEach(() => {
  document.body.replaceChildren();
  document.body.removeAttribute("data-base-url");
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function shown(overrides = {}, playhead = {}, total = 600_000) {
  const mounted = mount(traits(overrides, playhead), kernel(total));
  await settle();
  const button = (name: string) => mounted.find(`button[aria-label="${name}"]`);
  const command = (content: object) =>
    mounted.model.message({ kind: "command", client: clientOf(mounted.model), ...content });
  const key = (name: string, more = {}, target: Element = mounted.find(".acn-transport")) =>
    target.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more }));
  return { ...mounted, button, command, key };
}

describe("Transport", () => {
  it("fetches the recording in pieces, a few at once, and says how far it is", async () => {
    const { model, find } = await shown({}, {}, 10 * PIECE_BYTES + 7);
    const asked = model.sent.filter((message) => message.kind === "piece");
    expect(asked.map((message) => message.index).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 11 }, (_, k) => k),
    );
    expect(sound().src).toBe(`blob:${session}`);
    expect(find(".acn-transport-note").hidden).toBe(true);
    const slow = mount(traits({ media: media({ key: "slow" }) }));
    expect(slow.find(".acn-transport-note").textContent).toContain("Loading");
    const [first] = slow.model.sent.filter((message) => message.kind === "piece");
    slow.model.message(
      { kind: "piece", id: first.id, key: "slow", index: 0, nbytes: 4 * PIECE_BYTES },
      new DataView(new ArrayBuffer(PIECE_BYTES)),
    );
    expect(slow.find(".acn-transport-note").textContent).toContain("25 %");
    expect(slow.model.sent.filter((message) => message.kind === "piece").length).toBe(4);
    slow.model.message({ kind: "refused", id: first.id + 1, message: "The file is gone." });
    await settle();
    expect(slow.find(".acn-transport-note").textContent).toBe("The file is gone.");
    expect(slow.find(".acn-transport-note").dataset.bad).toBe("true");
  });

  it("plays at once, tells the kernel, and reports no more than 20 times a second", async () => {
    const { model, button, find } = await shown();
    button("Play").click();
    await settle(1);
    expect(sound().paused).toBe(false);
    expect(sentVerbs(model)).toEqual(["play"]);
    const before = model.saves;
    await settle(2000);
    expect(model.saves - before).toBeLessThanOrEqual(41);
    expect(model.saves - before).toBeGreaterThan(20);
    expect(position(model)).toMatchObject({ playing: true, moving: true, rate: 1, heard: 0 });
    expect(Math.abs((position(model).time_s as number) - sound().currentTime)).toBeLessThan(0.06);
    expect(find(".acn-clock").textContent).toMatch(/^0:0[12]\.\d\d$/);
    expect(find(".acn-seek").getAttribute("aria-valuetext")).toMatch(/^2\.\d seconds, bar 2 beat 1$|^1\.9/);
    button("Pause").click();
    await settle(1);
    expect(sound().paused).toBe(true);
    expect(position(model)).toMatchObject({ playing: false });
  });

  it("does what the kernel commands, says which command it has heard, and leaves others alone", async () => {
    const { model, command } = await shown();
    command({ id: 5, time_s: 7, playing: true, rate: 2, loop: null });
    await settle(500);
    expect(sound().currentTime).toBeCloseTo(8, 1);
    expect(position(model)).toMatchObject({ heard: 5, playing: true, rate: 2 });
    model.message({ kind: "command", client: "another", id: 6, time_s: 1, playing: false, rate: 1, loop: null });
    await settle(50);
    expect(sound().paused).toBe(false);
    command({ id: 7, time_s: null, playing: false, rate: 2, loop: null });
    await settle(1);
    expect(position(model)).toMatchObject({ heard: 7, playing: false });
    expect(position(model).time_s).toBeCloseTo(8.1, 1);
    expect(sentVerbs(model)).toEqual([]);
  });

  it("has keys of its own and leaves those of others", async () => {
    const { model, key, find, button } = await shown();
    expect(key(" ")).toBe(false);
    await settle(1);
    expect(sound().paused).toBe(false);
    key(" ");
    key("End");
    expect(find<HTMLInputElement>(".acn-seek").max).toBe("20");
    await settle(50);
    expect(position(model).time_s).toBe(20);
    key("Home");
    key("ArrowRight");
    key("ArrowRight");
    key("ArrowLeft");
    await settle(50);
    expect(position(model).time_s).toBeCloseTo(1);
    key("ArrowRight", { shiftKey: true });
    await settle(50);
    expect(position(model).time_s).toBeCloseTo(1.5);
    key("[");
    expect(model.sent.at(-1)).toMatchObject({ verb: "loop", loop: [1.5, 20] });
    key("l");
    expect(model.sent.at(-1)).toMatchObject({ verb: "loop", loop: null });
    const count = model.sent.length;
    expect(key("x")).toBe(true);
    expect(key("s", { ctrlKey: true })).toBe(true);
    expect(key("ArrowLeft", {}, find(".acn-volume"))).toBe(true);
    expect(key(" ", {}, button("Play"))).toBe(true);
    expect(model.sent.length).toBe(count);
    expect(find(".acn-transport").getAttribute("data-lm-suppress-shortcuts")).toBe("true");
  });

  it("loops, and goes on to the end from behind the loop", async () => {
    const { model, command } = await shown();
    command({ id: 1, time_s: 3.5, playing: true, rate: 1, loop: [3, 4] });
    for (let k = 0; k < 30; k++) {
      await settle(100);
      expect(sound().currentTime).toBeGreaterThan(2.99);
      expect(sound().currentTime).toBeLessThan(4.05);
    }
    command({ id: 2, time_s: 19, playing: true, rate: 1, loop: [3, 4] });
    await settle(1500);
    expect(sound().paused).toBe(true);
    expect(position(model)).toMatchObject({ playing: false, time_s: 20 });
  });

  it("begins at the start when it is at the end", async () => {
    const { model, button } = await shown({}, { time_s: 20 });
    button("Play").click();
    await settle(100);
    expect(sound().paused).toBe(false);
    expect(model.sent.at(-1)).toMatchObject({ verb: "play", time_s: 0 });
  });

  it("is silent before its clip and after it, and time goes on", async () => {
    const { model, button } = await shown({ media: media({ offset_s: 2, start_s: 5, end_s: 7 }) }, { end_s: 6 });
    button("Play").click();
    await settle(1000);
    expect(sound().paused).toBe(true);
    expect(position(model).time_s).toBeCloseTo(1, 1);
    await settle(1500);
    expect(sound().paused).toBe(false);
    expect(sound().currentTime).toBeCloseTo(5.5, 1);
    await settle(2000);
    expect(sound().paused).toBe(true);
    expect(position(model).time_s).toBeCloseTo(4.5, 1);
    model.set("media", media({ offset_s: 4, start_s: 5, end_s: 7 }));
    await settle(50);
    expect(sound().paused).toBe(false);
    expect(sound().currentTime).toBeCloseTo(5.55, 1);
  });

  it("says that a click is needed when the browser wants one, and works after it", async () => {
    const { model, command, find, button } = await shown();
    refuse.with = "NotAllowedError";
    command({ id: 3, time_s: 1, playing: true, rate: 1, loop: null });
    await settle(50);
    expect(find(".acn-transport-note").textContent).toContain("Press play");
    expect(position(model)).toMatchObject({ heard: 3, playing: false, time_s: 1 });
    refuse.with = "";
    button("Play").click();
    await settle(50);
    expect(sound().paused).toBe(false);
    expect(find(".acn-transport-note").hidden).toBe(true);
  });

  it("leaves it to the kernel's clock when there is nothing to hear", async () => {
    const { model, button, find } = await shown({ media: media({ way: "none", reason: "All tracks are muted." }) });
    expect(find(".acn-transport-note").textContent).toBe("All tracks are muted.");
    button("Play").click();
    expect(model.sent.at(-1)).toMatchObject({ kind: "playhead", verb: "play" });
    expect(model.sent.at(-1)).not.toHaveProperty("done");
  });

  it("asks for another way when the browser cannot play it", async () => {
    const { model } = await shown();
    sound().dispatchEvent(new Event("error"));
    expect(model.sent.at(-1)).toMatchObject({ kind: "sound", verb: "unplayable", key: "abc-wave" });
  });

  it("shows a model twice with one sound, and ends with its views and its model", async () => {
    const one = await shown();
    one.button("Play").click();
    await settle(50);
    const second = mount(traits({ media: media({ key: "other" }) }), kernel(1000));
    await settle();
    expect(document.querySelectorAll("audio").length).toBe(2);
    const [first, other] = document.querySelectorAll("audio");
    expect(first.paused).toBe(false);
    second.find('button[aria-label="Pause"]').click();
    await settle(1);
    expect(first.paused).toBe(true);
    second.find('button[aria-label="Play"]').click();
    await settle(1);
    expect(other.paused).toBe(false);
    expect(first.paused).toBe(true);
    second.controller.abort();
    one.controller.abort();
    expect(document.querySelectorAll("audio").length).toBe(0);
    expect(other.paused).toBe(true);
    expect(one.model.listeners).toBe(0);
    const saves = one.model.saves;
    await settle(1000);
    expect(one.model.saves).toBe(saves);
  });

  it("keeps the volume with the model", async () => {
    const { model, find } = await shown();
    const volume = find<HTMLInputElement>(".acn-volume");
    volume.value = "0.25";
    volume.dispatchEvent(new Event("input"));
    expect(model.traits.volume).toBe(0.25);
    model.set("volume", 0.5);
    expect(volume.value).toBe("0.5");
    expect(volume.getAttribute("aria-valuetext")).toBe("50 percent");
  });
});

it("tells the kernel the kernel's own time, once it knows it", async () => {
  const { model, button, find } = await shown();
  const offset_s = 5000;
  const answer = model.answer;
  model.answer = (message) => {
    answer?.(message);
    // 40 ms there, 40 ms back.
    if (message.kind === "playhead" && message.verb === ("sync" as string))
      setTimeout(() => {
        const clock_s = performance.now() / 1000 + offset_s;
        setTimeout(() => model.message({ kind: "playhead", id: message.id, serial: 1, clock_s }), 40);
      }, 40);
  };
  button("Play").click();
  await settle(20);
  expect(position(model)).toMatchObject({ synced: false });
  await settle(3000);
  expect(position(model)).toMatchObject({ synced: true, playing: true });
  const stamp_s = position(model).stamp_s as number;
  expect(Math.abs(stamp_s - (performance.now() / 1000 + offset_s))).toBeLessThan(0.06);
  const asked = () => model.sent.filter((message) => message.verb === ("sync" as string)).length;
  expect(asked()).toBeLessThan(12);
  button("Pause").click();
  const before = asked();
  await settle(10);
  // An answer from before the pause comes late.
  const { id } = model.sent.filter((message) => message.verb === ("sync" as string)).at(-1) as Sent;
  model.message({ ...(traits().playhead as object), kind: "playhead", id, serial: 50, playing: true, moving: true });
  await settle(10_000);
  expect(find(".acn-transport").dataset.playing).toBe("false");
  expect(asked()).toBe(before);
});

describe("a file on the server", () => {
  const head = "52494646";
  const file = parseMedia(media({ way: "file", path: ["a b", "ü#?.wav"], nbytes: 1000, head }));
  const answer = (status: number, total: number, bytes: number[]) =>
    new Response(new Uint8Array(bytes), { status, headers: { "Content-Range": `bytes 0-3/${total}` } });

  it("is used if the server really hands out that very file", async () => {
    document.body.dataset.baseUrl = "/hub/user/";
    const asked = vi.fn(async (_url: string, _init: RequestInit) => answer(206, 1000, [0x52, 0x49, 0x46, 0x46]));
    vi.stubGlobal("fetch", asked);
    const url = await fileUrl(file, new AbortController().signal);
    expect(url).toBe(`${window.location.origin}/hub/user/files/a%20b/%C3%BC%23%3F.wav`);
    expect(asked.mock.calls[0][1].headers).toEqual({ Range: "bytes=0-3" });
  });

  it.each([
    ["another file", answer(206, 1000, [1, 2, 3, 4])],
    ["another size", answer(206, 999, [0x52, 0x49, 0x46, 0x46])],
    ["no ranges", answer(200, 1000, [0x52, 0x49, 0x46, 0x46])],
    ["no file", answer(404, 1000, [])],
  ])("is not used if there is %s", async (_what, response) => {
    document.body.dataset.baseUrl = "/";
    vi.stubGlobal("fetch", async () => response);
    expect(await fileUrl(file, new AbortController().signal)).toBeNull();
  });

  it("is not asked for outside of Jupyter, elsewhere, or by a path that climbs", async () => {
    const fetch = vi.fn();
    vi.stubGlobal("fetch", fetch);
    const { signal } = new AbortController();
    expect(await fileUrl(file, signal)).toBeNull();
    document.body.dataset.baseUrl = "https://elsewhere.example/";
    expect(await fileUrl(file, signal)).toBeNull();
    document.body.dataset.baseUrl = "/";
    expect(await fileUrl({ ...file, path: ["..", "x.wav"] }, signal)).toBeNull();
    expect(fetch).not.toHaveBeenCalled();
  });
});

it("levels are those of the samples", () => {
  const sine = Float32Array.from({ length: 1024 }, (_, k) => Math.sin((2 * Math.PI * k) / 64));
  expect(levelOf(sine).rms_db).toBeCloseTo(-3.01, 1);
  expect(levelOf(sine).peak_db).toBeCloseTo(0, 2);
  expect(levelOf(new Float32Array(8))).toEqual({ rms_db: -60, peak_db: -60 });
});

it("times are spoken", () => {
  expect(spokenTime(63.2)).toBe("1 minute 3.2 seconds");
  expect(spokenTime(7322)).toBe("2 hours 2 minutes 2.0 seconds");
  expect(spokenTime(59.96)).toBe("1 minute 0.0 seconds");
});
