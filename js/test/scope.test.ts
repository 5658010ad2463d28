import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Announcer } from "../src/announcer";
import type { Callback, Model } from "../src/host";
import { Lru } from "../src/lru";
import { FrameLoop, onModel, Timer, throttle } from "../src/scope";
import { FakeModel } from "./fake";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("what is tied to a signal", () => {
  it("hears the model until the abort, and not at all after it", () => {
    const model: Model & { listeners: number } = new FakeModel({});
    const controller = new AbortController();
    const heard = vi.fn<Callback>();
    onModel(model, "change:x", heard, controller.signal);
    model.set("x", 1);
    controller.abort();
    model.set("x", 2);
    onModel(model, "change:x", heard, controller.signal);
    expect(heard).toHaveBeenCalledTimes(1);
    expect(model.listeners).toBe(0);
  });

  it("never fires a timer after the abort", () => {
    const controller = new AbortController();
    const fired = vi.fn();
    const timer = new Timer(fired, controller.signal);
    timer.set(10);
    timer.set(20);
    vi.advanceTimersByTime(15);
    expect(fired).not.toHaveBeenCalled();
    vi.advanceTimersByTime(10);
    expect(fired).toHaveBeenCalledTimes(1);
    timer.set(10);
    controller.abort();
    timer.set(10);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("draws once per frame, however often it is asked", () => {
    const controller = new AbortController();
    const draw = vi.fn();
    const loop = new FrameLoop(draw, controller.signal);
    for (let k = 0; k < 10; k++) loop.request();
    vi.advanceTimersByTime(50);
    expect(draw).toHaveBeenCalledTimes(1);
    loop.request();
    controller.abort();
    loop.request();
    vi.advanceTimersByTime(50);
    expect(draw).toHaveBeenCalledTimes(1);
  });
});

describe("throttle", () => {
  it("calls at once, then at most once per interval, and never loses the last call", () => {
    const controller = new AbortController();
    const values: number[] = [];
    let value = 0;
    const call = throttle(() => values.push(value), 50, controller.signal);
    for (let k = 0; k < 100; k++) {
      value = k;
      call();
      vi.advanceTimersByTime(5);
    }
    vi.advanceTimersByTime(100);
    expect(values.length).toBeLessThanOrEqual(11);
    expect(values[0]).toBe(0);
    expect(values.at(-1)).toBe(99);
  });
});

describe("Announcer", () => {
  it("speaks at most once a second and ends with the last word", () => {
    const controller = new AbortController();
    const announcer = Announcer.region(controller.signal);
    const spoken: (string | null)[] = [];
    const observer = new MutationObserver(() => spoken.push(announcer.element.textContent));
    for (let k = 0; k < 40; k++) {
      const before = announcer.element.textContent;
      announcer.say(`${k}`);
      if (announcer.element.textContent !== before) spoken.push(announcer.element.textContent);
      const between = announcer.element.textContent;
      vi.advanceTimersByTime(100);
      if (announcer.element.textContent !== between) spoken.push(announcer.element.textContent);
    }
    vi.advanceTimersByTime(2000);
    observer.disconnect();
    expect(spoken.length).toBeLessThanOrEqual(5);
    expect(announcer.element.textContent).toBe("39");
    controller.abort();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("Lru", () => {
  it("forgets what was not used for longest", () => {
    const lru = new Lru<number>(2);
    lru.set("a", 1);
    lru.set("b", 2);
    lru.get("a");
    lru.set("c", 3);
    expect([lru.has("a"), lru.has("b"), lru.has("c")]).toEqual([true, false, true]);
    lru.deleteWhere((value) => value === 1);
    expect([lru.size, lru.get("a")]).toEqual([1, undefined]);
    lru.limit = 0;
    lru.set("d", 4);
    expect(lru.size).toBe(0);
  });
});
