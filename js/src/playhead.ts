// The playhead of a session in this page. All widgets of a session share one, whichever module instance they come
// from: hosts load the bundle once per widget, so what is shared hangs on the window under a registered symbol.
//
// The kernel's word arrives as the trait `playhead` of any widget, and only when something happens; in between the
// position is worked out here, at display rate. A transport that plays knows better than the kernel and leads.

import { clamp, finite, list, num, record, text, whole } from "./guards";
import type { Model } from "./host";
import type { Hub } from "./hub";
import { type PlayheadChange, type PlayheadVerb, playheadRequest } from "./messages";
import { onAbort, onModel } from "./scope";

const REGISTRY = Symbol.for("audiocache_nb.playheads.1");
const CLAIM_MS = 700;

export interface Motion {
  time_s: number;
  playing: boolean;
  /** False while it plays but waits for data. */
  moving: boolean;
  rate: number;
  loop: readonly [number, number] | null;
}

export interface Range {
  start_s: number;
  /** Infinite without tracks. */
  end_s: number;
}

/** What can make the sound in this page: the transport that was used last. */
export interface Engine {
  readonly client: string;
  /** Does it at once; false if it cannot. */
  control(verb: PlayheadVerb, change: PlayheadChange): boolean;
  /** Another one plays now. */
  release(): void;
}

export const STILL: Motion = { time_s: 0, playing: false, moving: false, rate: 1, loop: null };

export function parseLoop(value: unknown): readonly [number, number] | null {
  const [start_s, end_s] = list(value).map((item) => finite(item));
  return typeof start_s === "number" && typeof end_s === "number" && end_s > start_s ? [start_s, end_s] : null;
}

/** Where a playhead is `elapsed_s` after it was where `motion` says. */
export function positionAfter(motion: Motion, elapsed_s: number, end_s: number): number {
  if (!motion.moving) return motion.time_s;
  const time_s = motion.time_s + Math.max(0, elapsed_s) * motion.rate;
  if (motion.loop && motion.time_s < motion.loop[1]) {
    const [start_s, loopEnd_s] = motion.loop;
    return time_s < loopEnd_s ? time_s : start_s + ((time_s - loopEnd_s) % (loopEnd_s - start_s));
  }
  return Math.min(time_s, Math.max(end_s, motion.time_s));
}

export class Playhead {
  motion: Motion = STILL;
  range: Range = { start_s: 0, end_s: Number.POSITIVE_INFINITY };
  #at_ms = 0;
  #serial = -1;
  #engine: Engine | null = null;
  #claimed_ms = Number.NEGATIVE_INFINITY;
  readonly #listeners = new Set<() => void>();
  readonly #senders = new Set<(verb: PlayheadVerb, change: PlayheadChange) => void>();

  /** Timeline time at this moment, in seconds. */
  now(): number {
    return positionAfter(this.motion, (performance.now() - this.#at_ms) / 1000, this.range.end_s);
  }

  /** Whether it moves by itself, so that whoever draws it has to draw again. */
  get moving(): boolean {
    return this.motion.moving;
  }

  get engine(): Engine | null {
    return this.#engine;
  }

  /** Called when something happened that `now` alone does not tell: play, pause, seek, rate, loop, range. */
  onChange(listener: () => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    onAbort(signal, () => this.#listeners.delete(listener));
  }

  seek(time_s: number): void {
    this.#do("seek", { time_s: clamp(time_s, this.range.start_s, this.range.end_s) });
  }

  play(): void {
    this.#do("play", {});
  }

  pause(): void {
    this.#do("pause", {});
  }

  toggle(): void {
    if (this.motion.playing) this.pause();
    else this.play();
  }

  setRate(rate: number): void {
    this.#do("rate", { rate });
  }

  setLoop(loop: readonly [number, number] | null): void {
    this.#do("loop", { loop });
  }

  // ---- for engines

  /** This engine makes the sound from now on. */
  claim(engine: Engine): void {
    const former = this.#engine;
    this.#engine = engine;
    this.#claimed_ms = performance.now();
    if (former && former !== engine) former.release();
  }

  leave(engine: Engine): void {
    if (this.#engine === engine) this.#engine = null;
  }

  /** Where the sound is. Listeners hear of it if it is not where it was expected. */
  anchor(engine: Engine, motion: Motion, news: boolean): void {
    if (this.#engine !== engine) return;
    this.#set(motion, news);
  }

  // ---- for followers

  /** The kernel's word. */
  follow(value: unknown): void {
    const told = record(value);
    const range = { start_s: num(told.start_s, 0), end_s: finite(told.end_s) ?? Number.POSITIVE_INFINITY };
    const widened = range.start_s !== this.range.start_s || range.end_s !== this.range.end_s;
    this.range = range;
    const serial = whole(told.serial, -1);
    const leads = this.#engine !== null && this.#engine.client === text(told.client);
    const claimed = performance.now() - this.#claimed_ms < CLAIM_MS;
    if (serial > this.#serial) {
      this.#serial = serial;
      if (!leads && !claimed) {
        this.#set(parseMotion(told), true);
        return;
      }
    }
    if (widened) this.#tell();
  }

  /** The kernel's answer to the question where it is now. */
  correct(value: unknown): void {
    const told = record(value);
    // Whoever leads knows better, and more recently.
    if (whole(told.serial, -1) < this.#serial || this.#engine !== null) return;
    this.#serial = whole(told.serial, -1);
    this.#set(parseMotion(told), true);
  }

  addSender(sender: (verb: PlayheadVerb, change: PlayheadChange) => void, signal: AbortSignal): void {
    this.#senders.add(sender);
    onAbort(signal, () => this.#senders.delete(sender));
  }

  #do(verb: PlayheadVerb, change: PlayheadChange): void {
    if (this.#engine?.control(verb, change)) return;
    // Any widget can carry the message; the first one that is there does.
    const [sender] = this.#senders;
    sender?.(verb, change);
  }

  #set(motion: Motion, news: boolean): void {
    this.motion = motion;
    this.#at_ms = performance.now();
    if (news) this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

export function parseMotion(value: unknown): Motion {
  const told = record(value);
  return {
    time_s: num(told.time_s, 0),
    playing: told.playing === true,
    moving: told.moving === true,
    rate: clamp(num(told.rate, 1), 0.0625, 16),
    loop: parseLoop(told.loop),
  };
}

function registry(): Map<string, Playhead> {
  const page = window as unknown as Record<symbol, Map<string, Playhead> | undefined>;
  page[REGISTRY] ??= new Map();
  return page[REGISTRY];
}

/** The playhead of a session in this page, by the session's name. */
export function playheadOf(session: string): Playhead {
  const known = registry();
  const found = known.get(session) ?? new Playhead();
  known.set(session, found);
  return found;
}

/**
 * The playhead that a widget's model follows; every view that draws one calls this.
 *
 * @returns null if its session has none
 */
export function followPlayhead(model: Model, hub: Hub, signal: AbortSignal): Playhead | null {
  const session = text(record(model.get("playhead")).session);
  if (!session) return null;
  const playhead = playheadOf(session);
  onModel(model, "change:playhead", () => playhead.follow(model.get("playhead")), signal);
  let asked = -1;
  hub.onPlayhead((answer) => answer.id === asked && playhead.correct(answer), signal);
  playhead.addSender((verb, change) => hub.post(playheadRequest(hub.nextId(), verb, change)), signal);
  playhead.follow(model.get("playhead"));
  // A page that comes while it plays cannot know for how long already.
  if (playhead.motion.playing && !playhead.engine) {
    asked = hub.nextId();
    hub.post(playheadRequest(asked, "sync", {}));
  }
  return playhead;
}
