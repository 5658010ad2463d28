// The sound of one model: an audio element that is kept in step with the timeline, and reports where it is.
//
// Timeline time and the recording's own time run at the same speed, shifted against each other. Outside of its
// clip there is silence, and a clock of the page goes on instead of the element's.

import type { Model } from "../host";
import type { Hub } from "../hub";
import { type PlayheadChange, type PlayheadVerb, playheadRequest, soundRequest } from "../messages";
import { type Engine, type Motion, type Playhead, parseMotion } from "../playhead";
import { listen, onAbort, Timer, throttle } from "../scope";
import { fetchPieces, fileUrl, type Media } from "./media";
import { Mixer } from "./mixer";
import { KernelClock } from "./sync";

const TICK_MS = 25;
const REPORT_MS = 50;
const NEWS_S = 0.03;
const SAME_S = 0.02;
const GLIDE_MS = 250;
const SMALL_S = 120;
const PRESS_PLAY = "Press play: the browser lets sound begin only after a click.";

export interface Trouble {
  text: string;
  /** An error, not just something to wait for. */
  bad: boolean;
}

const NOTHING: Media = {
  key: "",
  way: "none",
  path: [],
  mime: "",
  offset_s: 0,
  start_s: 0,
  end_s: 0,
  gain: 1,
  reason: "",
  nbytes: 0,
  head: "",
};

const clientName = () => `page-${Math.random().toString(36).slice(2, 12)}`;

export class SoundEngine implements Engine {
  readonly client = clientName();
  readonly mixer: Mixer;
  trouble: Trouble | null = null;
  #media = NOTHING;
  /** Key of what the element holds, and of what is being fetched. */
  #loaded = "";
  #loading: { key: string; stop: AbortController } | null = null;
  #blobUrl = "";
  #playing = false;
  /** The element's clock leads; otherwise the page's. */
  #sounding = false;
  #time_s = 0;
  #at_ms = 0;
  #rate = 1;
  #loop: Motion["loop"] = null;
  #last_s = 0;
  #seen = { media_s: -1, at_ms: 0 };
  #moving = false;
  #heard = 0;
  #views = 0;
  #volume = 1;
  #start = 0;
  readonly #clock: KernelClock;
  readonly #timer: Timer;
  readonly #report: () => void;
  readonly #listeners = new Set<() => void>();

  constructor(
    readonly audio: HTMLAudioElement,
    readonly playhead: Playhead,
    readonly model: Model,
    readonly hub: Hub,
    readonly signal: AbortSignal,
  ) {
    this.mixer = new Mixer(audio);
    this.#clock = new KernelClock(hub, signal);
    this.#timer = new Timer(() => this.#tick(), signal);
    this.#report = throttle(() => this.#send(), REPORT_MS, signal);
    audio.preload = "auto";
    audio.className = "acn-sound";
    audio.hidden = true;
    document.body.append(audio);
    listen(audio, "ended", () => this.#ended(), signal);
    listen(audio, "error", () => this.#unplayable(), signal);
    for (const event of ["playing", "seeked", "waiting", "canplay"]) listen(audio, event, () => this.#look(), signal);
    hub.onKind("command", (content) => this.#command(content), signal);
    playhead.onChange(() => this.#rangeChanged(), signal);
    onAbort(signal, () => this.#close());
  }

  /** Whether there is something it could play. */
  get able(): boolean {
    return this.#media.way !== "none";
  }

  get playing(): boolean {
    return this.#playing;
  }

  /** Called when `trouble` has changed. */
  onChange(listener: () => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    onAbort(signal, () => this.#listeners.delete(listener));
  }

  /** A view of this model is there until `signal` aborts; with the last one the sound stops. */
  show(signal: AbortSignal): void {
    if (this.#views++ === 0) this.hub.post(soundRequest(this.hub.nextId(), "hello", this.client, ""));
    onAbort(signal, () => {
      if (--this.#views === 0 && this.#playing) this.control("pause", {});
    });
    if (this.#media.way === "file" || this.#media.end_s - this.#media.start_s < SMALL_S) this.#load();
  }

  setMedia(media: Media): void {
    const time_s = this.position();
    this.#media = media;
    this.#setLevel();
    if (media.key === this.#loaded || !this.able) {
      if (!this.able && this.#playing) this.#stop(time_s);
      else if (this.#playing && media.key === this.#loaded) this.#place(time_s);
      this.#complain(this.able ? null : media.reason ? { text: media.reason, bad: false } : null);
      return;
    }
    if (this.#views > 0 && (this.#playing || media.way === "file" || media.end_s - media.start_s < SMALL_S)) {
      this.#load();
    }
  }

  setVolume(volume: number): void {
    this.#volume = volume;
    this.#setLevel();
  }

  /** Timeline time of what is heard now. */
  position(): number {
    if (!this.#playing || !this.#moving) return this.#time_s;
    if (!this.#sounding) return this.#time_s + ((performance.now() - this.#at_ms) / 1000) * this.#rate;
    const { currentTime } = this.audio;
    const now_ms = performance.now();
    if (currentTime !== this.#seen.media_s) this.#seen = { media_s: currentTime, at_ms: now_ms };
    // Some browsers move currentTime in steps; between them it glides.
    const glide_ms = Math.min(now_ms - this.#seen.at_ms, GLIDE_MS);
    return this.#timelineOf(currentTime) + (glide_ms / 1000) * this.#rate;
  }

  // ---- what it is told

  control(verb: PlayheadVerb, change: PlayheadChange): boolean {
    if (verb === "play" && !this.able) return false;
    if (this.playhead.engine !== this) this.#adopt();
    this.hub.post(playheadRequest(this.hub.nextId(), verb, this.#carryOut(verb, change), true));
    this.#say(true);
    return true;
  }

  /** Does it; returns the change with what the kernel cannot know. */
  #carryOut(verb: PlayheadVerb, change: PlayheadChange): PlayheadChange {
    const now_s = this.position();
    switch (verb) {
      case "seek":
        this.#jump(change.time_s ?? now_s);
        return change;
      case "rate":
        this.#jump(now_s, change.rate);
        return change;
      case "loop":
        this.#loop = change.loop ?? null;
        return change;
      case "pause":
        this.#stop(now_s);
        return { time_s: now_s };
      default: {
        const { start_s, end_s } = this.playhead.range;
        const atEnd = now_s >= end_s - 1e-3 && !(this.#loop && now_s < this.#loop[1]);
        const from_s = atEnd ? (this.#loop ? this.#loop[0] : start_s) : now_s;
        this.#begin(from_s);
        return { time_s: from_s };
      }
    }
  }

  #command(content: Record<string, unknown>): void {
    if (content.client !== this.client) return;
    const wanted = parseMotion(content);
    this.#heard = Math.max(this.#heard, Number(content.id) || 0);
    const time_s = typeof content.time_s === "number" ? content.time_s : null;
    if (this.playhead.engine !== this) {
      if (!wanted.playing && time_s === null) {
        if (this.#playing) this.release();
        return;
      }
      this.#adopt();
    }
    this.#loop = wanted.loop;
    if (!wanted.playing) {
      this.#stop(time_s ?? this.position());
      this.#rate = wanted.rate;
    } else if (!this.#playing) {
      this.#rate = wanted.rate;
      if (this.able) this.#begin(time_s ?? this.#time_s);
    } else if (time_s !== null || wanted.rate !== this.#rate) this.#jump(time_s ?? this.position(), wanted.rate);
    this.#say(true);
  }

  release(): void {
    this.#stop(this.position());
  }

  #adopt(): void {
    const { motion } = this.playhead;
    const time_s = this.playhead.now();
    this.playhead.claim(this);
    this.#rate = motion.rate;
    this.#loop = motion.loop;
    this.#time_s = time_s;
    this.#playing = false;
    if (motion.playing && this.able) this.#begin(time_s);
  }

  // ---- doing it

  #begin(time_s: number): void {
    this.#playing = true;
    this.#moving = false;
    this.#time_s = this.#last_s = time_s;
    this.#load();
    this.#clock.start();
    const turn = ++this.#start;
    void this.mixer.start().then((runs) => {
      if (turn !== this.#start || !this.#playing || this.signal.aborted) return;
      if (!runs) this.#block();
      else {
        this.#setLevel();
        this.#place(this.#time_s);
        this.#timer.set(0);
      }
    });
  }

  #block(): void {
    this.#stop(this.#time_s);
    this.#complain({ text: PRESS_PLAY, bad: false });
    this.#say(true);
  }

  #stop(time_s: number): void {
    this.#start++;
    this.#playing = this.#moving = this.#sounding = false;
    this.#time_s = time_s;
    this.#timer.clear();
    this.#clock.stop();
    this.audio.pause();
  }

  #jump(time_s: number, rate = this.#rate): void {
    this.#rate = rate;
    this.#time_s = this.#last_s = time_s;
    if (this.#playing) this.#place(time_s);
  }

  /** Puts the element where it has to be for a timeline time: sounding there, or silent. */
  #place(time_s: number): void {
    this.#time_s = time_s;
    this.#at_ms = performance.now();
    if (this.#loaded !== this.#media.key && !this.#loaded) {
      this.#moving = false; // it will be placed when it is there
      return;
    }
    this.audio.playbackRate = this.#rate;
    const { offset_s } = this.#media;
    if (time_s < offset_s || time_s >= this.#clipEnd()) {
      this.#sounding = false;
      this.#moving = true;
      this.audio.pause();
      return;
    }
    const target_s = time_s - offset_s + this.#media.start_s;
    const already = this.#sounding && !this.audio.paused;
    if (!already || Math.abs(this.audio.currentTime - target_s) > SAME_S) this.audio.currentTime = target_s;
    this.#seen = { media_s: -1, at_ms: this.#at_ms };
    this.#sounding = true;
    this.#moving = already && !this.audio.seeking;
    if (already) return;
    this.audio.play().catch((error: unknown) => {
      if (!this.#playing || !(error instanceof Error)) return;
      if (error.name === "NotAllowedError") this.#block();
    });
  }

  #timelineOf(media_s: number): number {
    return media_s - this.#media.start_s + this.#media.offset_s;
  }

  #clipEnd(): number {
    return this.#media.offset_s + this.#media.end_s - this.#media.start_s;
  }

  /** Something happened to the element. */
  #look(): void {
    if (!this.#playing || !this.#sounding) return;
    const moving = !this.audio.paused && !this.audio.seeking && this.audio.readyState >= 3;
    if (moving === this.#moving) return;
    if (!moving) this.#time_s = this.position();
    else this.#complain(null);
    this.#moving = moving;
    this.#say(true);
  }

  #ended(): void {
    if (this.#playing && this.#sounding) this.#pass(this.#clipEnd());
  }

  #tick(): void {
    if (!this.#playing) return;
    this.#look();
    if (this.#moving) this.#pass(this.position());
    if (!this.#playing) return;
    const left_ms = this.#loop ? ((this.#loop[1] - this.#last_s) / this.#rate) * 1000 : TICK_MS;
    this.#timer.set(left_ms > 0 ? Math.min(TICK_MS, left_ms) : TICK_MS);
  }

  /** It has come to a time: over the end of the loop, of the clip, or of everything. */
  #pass(time_s: number): void {
    const { end_s } = this.playhead.range;
    const loops = this.#loop !== null && this.#last_s < this.#loop[1];
    let news = false;
    if (this.#loop && loops && time_s >= this.#loop[1]) {
      this.#jump(this.#loop[0]); // exactly, so that the first attack is heard
      news = true;
    } else if (!loops && time_s >= end_s - 1e-3) {
      this.#stop(end_s);
      news = true;
    } else {
      this.#last_s = time_s;
      const inside = time_s >= this.#media.offset_s && time_s < this.#clipEnd();
      if (inside !== this.#sounding) this.#place(time_s);
    }
    this.#say(news);
  }

  #rangeChanged(): void {
    // A rate or a loop that was set while nobody led is taken over when it begins.
    if (this.playhead.engine === this && this.#playing) return;
    if (this.playhead.engine !== this) this.#loop = this.playhead.motion.loop;
  }

  // ---- telling others

  #say(news: boolean): void {
    if (this.playhead.engine !== this) return;
    const time_s = this.position();
    const before = this.playhead.motion;
    const same =
      before.playing === this.#playing && before.moving === this.#moving && before.rate === this.#rate && !news;
    const expected = same && Math.abs(this.playhead.now() - time_s) < NEWS_S;
    this.playhead.anchor(
      this,
      { time_s, playing: this.#playing, moving: this.#moving, rate: this.#rate, loop: this.#loop },
      !expected,
    );
    if (news) this.#send();
    else this.#report();
  }

  #send(): void {
    if (this.signal.aborted || this.playhead.engine !== this) return;
    const kernel_s = this.#clock.now();
    this.model.set("position", {
      client: this.client,
      heard: this.#heard,
      time_s: this.position(),
      playing: this.#playing,
      moving: this.#moving,
      rate: this.#rate,
      stamp_s: kernel_s ?? performance.now() / 1000,
      synced: kernel_s !== null,
    });
    this.model.save_changes();
  }

  #complain(trouble: Trouble | null): void {
    if (trouble?.text === this.trouble?.text) return;
    this.trouble = trouble;
    for (const listener of [...this.#listeners]) listener();
  }

  #setLevel(): void {
    this.mixer.setLevel(this.#volume * this.#media.gain);
  }

  // ---- getting the recording

  #load(): void {
    const media = this.#media;
    if (!this.able || media.key === this.#loaded || this.#loading?.key === media.key) return;
    this.#loading?.stop.abort();
    const stop = new AbortController();
    onAbort(this.signal, () => stop.abort());
    this.#loading = { key: media.key, stop };
    this.#obtain(media, stop.signal).then(
      (url) => this.#fetched(media, url),
      (error: unknown) => {
        if (stop.signal.aborted) return;
        this.#loading = null;
        this.#stop(this.#time_s);
        this.#complain({ text: error instanceof Error ? error.message : String(error), bad: true });
        this.#say(true);
      },
    );
  }

  async #obtain(media: Media, signal: AbortSignal): Promise<string | null> {
    if (media.way === "file") return fileUrl(media, signal);
    this.#complain({ text: "Loading the sound…", bad: false });
    const blob = await fetchPieces(
      media,
      this.hub,
      (share) => this.#complain({ text: `Loading the sound… ${Math.floor(share * 100)} %`, bad: false }),
      signal,
    );
    return URL.createObjectURL(blob);
  }

  #fetched(media: Media, url: string | null): void {
    if (this.#loading?.key !== media.key || this.signal.aborted) {
      if (url?.startsWith("blob:")) URL.revokeObjectURL(url);
      return;
    }
    this.#loading = null;
    if (url === null) {
      this.hub.post(soundRequest(this.hub.nextId(), "unreachable", this.client, media.key));
      return;
    }
    const time_s = this.position();
    this.#revoke();
    if (url.startsWith("blob:")) this.#blobUrl = url;
    this.#loaded = media.key;
    this.#sounding = false;
    this.audio.src = url;
    this.#complain(null);
    if (this.#playing) this.#place(time_s);
  }

  #unplayable(): void {
    if (!this.#loaded || !this.audio.getAttribute("src")) return;
    const key = this.#loaded;
    this.#loaded = "";
    this.#time_s = this.position();
    this.#sounding = this.#moving = false;
    this.#revoke();
    this.hub.post(soundRequest(this.hub.nextId(), "unplayable", this.client, key));
  }

  #revoke(): void {
    if (this.#blobUrl) URL.revokeObjectURL(this.#blobUrl);
    this.#blobUrl = "";
  }

  #close(): void {
    this.#stop(this.#time_s);
    this.playhead.leave(this);
    this.audio.removeAttribute("src");
    this.audio.load();
    this.audio.remove();
    this.#revoke();
    this.mixer.close();
  }
}
