import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Hub } from "../src/hub";
import { type Engine, followPlayhead, type Motion, Playhead, playheadOf, positionAfter, STILL } from "../src/playhead";
import { TempoMap } from "../src/tempo";
import { FakeModel } from "./fake";

const state = (overrides = {}) => ({
  session: "s1",
  serial: 1,
  time_s: 2,
  playing: false,
  moving: false,
  rate: 1,
  loop: null,
  start_s: 0,
  end_s: 10,
  client: "",
  ...overrides,
});

let life: AbortController;

beforeEach(() => {
  vi.useFakeTimers();
  life = new AbortController();
});
afterEach(() => {
  life.abort();
  vi.useRealTimers();
});

function follower(session: string, overrides = {}) {
  const model = new FakeModel({ playhead: state({ session, ...overrides }) });
  const hub = new Hub(model, life.signal, 1);
  const playhead = followPlayhead(model, hub, life.signal);
  if (!playhead) throw new Error("no playhead");
  return { model, playhead };
}

class FakeEngine implements Engine {
  readonly done: string[] = [];
  released = 0;
  able = true;
  constructor(readonly client: string) {}
  control(verb: string): boolean {
    if (this.able) this.done.push(verb);
    return this.able;
  }
  release(): void {
    this.released++;
  }
}

describe("where a playhead is", () => {
  const motion = (overrides: Partial<Motion>): Motion => ({ ...STILL, playing: true, moving: true, ...overrides });

  it("goes with its rate up to the end", () => {
    expect(positionAfter(motion({ time_s: 1, rate: 2 }), 1.5, 10)).toBe(4);
    expect(positionAfter(motion({ time_s: 1 }), 100, 10)).toBe(10);
    expect(positionAfter(motion({ time_s: 12 }), 1, 10)).toBe(12);
    expect(positionAfter(motion({ time_s: 1, moving: false }), 5, 10)).toBe(1);
  });

  it("loops from before its end, like the kernel's", () => {
    const loop: [number, number] = [3, 4];
    expect(positionAfter(motion({ time_s: 3.5, loop }), 0.75, 10)).toBeCloseTo(3.25);
    expect(positionAfter(motion({ time_s: 3.5, loop }), 100.75, 10)).toBeCloseTo(3.25);
    expect(positionAfter(motion({ time_s: 4.5, loop }), 1, 10)).toBe(5.5);
  });
});

describe("the playhead of a page", () => {
  it("is one for all widgets of a session, whichever module they come from", () => {
    const { playhead } = follower("a");
    expect(follower("a").playhead).toBe(playhead);
    expect(playheadOf("a")).toBe(playhead);
    expect(follower("b").playhead).not.toBe(playhead);
    expect((window as never)[Symbol.for("audiocache_nb.playheads.1")]).toBeInstanceOf(Map);
    expect(followPlayhead(new FakeModel({}), new Hub(new FakeModel({}), life.signal), life.signal)).toBeNull();
  });

  it("moves at display rate without the kernel", () => {
    const { model, playhead } = follower("c", { playing: true, moving: true });
    const sent = model.sent.length;
    expect(playhead.now()).toBeCloseTo(2);
    vi.advanceTimersByTime(1234);
    expect(playhead.now()).toBeCloseTo(3.234);
    vi.advanceTimersByTime(60_000);
    expect(playhead.now()).toBe(10);
    expect(model.sent.length).toBe(sent);
  });

  it("asks where it is when it comes while it plays", () => {
    const { model, playhead } = follower("d", { playing: true, moving: true });
    expect(model.sent).toMatchObject([{ kind: "playhead", verb: "sync" }]);
    model.message({ kind: "playhead", id: 1, ...state({ time_s: 7, playing: true, moving: true }) });
    expect(playhead.now()).toBeCloseTo(7);
    model.message({ kind: "playhead", id: 2, ...state({ serial: 9, time_s: 1 }) });
    expect(playhead.now(), "somebody else asked that").toBeCloseTo(7);
    playhead.claim(new FakeEngine("one"));
    model.message({ kind: "playhead", id: 1, ...state({ serial: 9, time_s: 1 }) });
    expect(playhead.now(), "an engine knows better").toBeCloseTo(7);
  });

  it("tells listeners of news only, and forgets them", () => {
    const { model, playhead } = follower("e");
    const heard = vi.fn();
    const gone = new AbortController();
    playhead.onChange(heard, gone.signal);
    model.set("playhead", state({ serial: 2, time_s: 5 }));
    expect(heard).toHaveBeenCalledTimes(1);
    model.set("playhead", state({ serial: 2, time_s: 5 }));
    model.set("playhead", state({ serial: 1, time_s: 9 }));
    expect(heard).toHaveBeenCalledTimes(1);
    expect(playhead.now()).toBe(5);
    model.set("playhead", state({ serial: 2, end_s: 20 }));
    expect(heard).toHaveBeenCalledTimes(2);
    gone.abort();
    model.set("playhead", state({ serial: 3 }));
    expect(heard).toHaveBeenCalledTimes(2);
  });

  it("sends what people do to the kernel if nothing sounds here", () => {
    const { model, playhead } = follower("f");
    playhead.seek(99);
    playhead.toggle();
    playhead.setRate(2);
    playhead.setLoop([1, 2]);
    expect(model.sent).toMatchObject([
      { verb: "seek", time_s: 10 },
      { verb: "play" },
      { verb: "rate", rate: 2 },
      { verb: "loop", loop: [1, 2] },
    ]);
    expect(new Set(model.sent.map((message) => message.id)).size).toBe(4);
  });

  it("is led by one engine, and the kernel's word about it is no news", () => {
    const { model, playhead } = follower("g");
    const [first, second] = [new FakeEngine("one"), new FakeEngine("two")];
    playhead.claim(first);
    playhead.play();
    expect(first.done).toEqual(["play"]);
    playhead.anchor(first, { ...STILL, time_s: 4, playing: true, moving: true }, true);
    vi.advanceTimersByTime(2000);
    model.set("playhead", state({ serial: 8, client: "one", time_s: 0 }));
    expect(playhead.now()).toBeCloseTo(6);
    playhead.claim(second);
    expect(first.released).toBe(1);
    playhead.anchor(first, { ...STILL, time_s: 1 }, true);
    expect(playhead.now()).toBeCloseTo(6);
    vi.advanceTimersByTime(2000);
    model.set("playhead", state({ serial: 9, client: "", time_s: 3 }));
    expect(playhead.now()).toBe(3);
    second.able = false;
    playhead.play();
    expect(model.sent.at(-1)).toMatchObject({ kind: "playhead", verb: "play" });
    playhead.leave(second);
    expect(playhead.engine).toBeNull();
  });

  it("takes anything for the trait", () => {
    const { model, playhead } = follower("h");
    for (const odd of [null, 3, [], { serial: 5, time_s: "x", rate: Number.NaN, loop: [2, 1], end_s: "y" }]) {
      model.set("playhead", odd);
      expect(Number.isFinite(playhead.now())).toBe(true);
      expect(playhead.motion.loop).toBeNull();
    }
  });
});

describe("the tempo map", () => {
  it("is the kernel's", () => {
    const constant = new TempoMap({ beats_per_bar: 4, segments: [[0, 0, 1920, 0]] });
    expect(constant.barBeat(2.75)).toEqual({ bar: 2, beat: 2.5 });
    expect(constant.barBeat(-0.5)).toEqual({ bar: 0, beat: 4 });
    // 120 bpm, from 0 s on linearly to 180 at 2 s: 1 s is tick 2160.
    const ramp = new TempoMap({
      beats_per_bar: 3,
      segments: [
        [0, 0, 1920, 480],
        [2, 4800, 2880, 0],
      ],
    });
    expect(ramp.ticks(1)).toBe(2160);
    for (const time_s of [-1, 0, 0.3, 1, 2, 2.5, 100]) expect(ramp.seconds(ramp.ticks(time_s))).toBeCloseTo(time_s);
    expect(new TempoMap("odd").barBeat(0.5)).toEqual({ bar: 1, beat: 2 });
  });

  it("beats that were computed fall on themselves", () => {
    const third = new TempoMap({ beats_per_bar: 4, segments: [[0, 0, (127 / 60) * 960, 0]] });
    for (let beat = 0; beat < 200; beat++) {
      expect(third.barBeat((beat * 60) / 127).beat).toBe((beat % 4) + 1);
    }
  });
});

it("a playhead alone stands", () => {
  expect(new Playhead().now()).toBe(0);
});
