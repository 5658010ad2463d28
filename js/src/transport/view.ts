// The face of a transport: buttons, a slider, read-outs. A remote control: the sound belongs to the model.

import { Announcer } from "../announcer";
import { icon, make, setAttribute, setHidden, setText } from "../dom";
import { formatTime } from "../format";
import { clamp, num, text } from "../guards";
import type { Model } from "../host";
import type { PlayheadChange, PlayheadVerb } from "../messages";
import type { Playhead } from "../playhead";
import { FrameLoop, listen, onAbort, onModel, throttle } from "../scope";
import { formatBarBeat, TempoMap } from "../tempo";
import type { SoundEngine } from "./engine";
import { parseMedia } from "./media";
import { LevelMeter } from "./meter";
import { spokenPosition } from "./words";

const STEP_S = 1;
const LEAST_LOOP_S = 0.05;
const THUMB_PX = 16;
const SPEAK_MS = 250;
const SAVE_MS = 100;
const RATES = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2];
const SHAPES = {
  start: "M4 3v10M13 3L6.5 8l6.5 5z",
  play: "M4.5 2.8v10.4L13 8z",
  pause: "M5 3v10M11 3v10",
  loop: "M3 9V7.5A2.5 2.5 0 0 1 5.5 5H12M10 2.8L12.3 5L10 7.2M13 7v1.5A2.5 2.5 0 0 1 10.5 11H4M6 8.8L3.7 11L6 13.2",
  from: "M10 3H5v10h5",
  to: "M6 3h5v10H6",
  volume: "M2.5 6.2h2.3L8 3.4v9.2L4.8 9.8H2.5zM10.4 5.8a3.2 3.2 0 0 1 0 4.4M12.2 4a5.6 5.6 0 0 1 0 8",
};
const KEYS = "Space ArrowLeft ArrowRight Shift+ArrowLeft Shift+ArrowRight Home End [ ] L";

/** What a key of the transport does. */
export type KeyAction =
  | "toggle"
  | "back"
  | "forth"
  | "beatBack"
  | "beatForth"
  | "start"
  | "end"
  | "from"
  | "to"
  | "loop";

const ACTIONS: ReadonlyMap<string, KeyAction> = new Map([
  [" ", "toggle"],
  ["ArrowLeft", "back"],
  ["ArrowRight", "forth"],
  ["Shift+ArrowLeft", "beatBack"],
  ["Shift+ArrowRight", "beatForth"],
  ["Home", "start"],
  ["End", "end"],
  ["[", "from"],
  ["]", "to"],
  ["l", "loop"],
]);

export function keyAction(event: KeyboardEvent): KeyAction | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const arrow = event.shiftKey && event.key.startsWith("Arrow");
  return (
    ACTIONS.get(arrow ? `Shift+${event.key}` : event.key.length === 1 ? event.key.toLowerCase() : event.key) ?? null
  );
}

export class TransportView {
  readonly #root: HTMLElement;
  readonly #title = make("h3", "acn-title");
  readonly #toggle: HTMLButtonElement;
  readonly #loop: HTMLButtonElement;
  readonly #time = make("span", "acn-clock");
  readonly #total = make("span", "acn-fine acn-total");
  readonly #musical = make("span", "acn-clock acn-musical", { title: "Bar and beat" });
  readonly #seek = make("input", "acn-seek", { type: "range", step: "any", "aria-label": "Position" });
  readonly #region = make("div", "acn-region", { "aria-hidden": "true" });
  readonly #rate = make("select", "acn-rate", { "aria-label": "Rate", title: "Rate" });
  readonly #volume = make("input", "acn-volume", {
    type: "range",
    min: "0",
    max: "1",
    step: "0.01",
    "aria-label": "Volume",
  });
  readonly #trouble = make("p", "acn-transport-note");
  readonly #meter = new LevelMeter();
  readonly #announcer: Announcer;
  readonly #frames: FrameLoop;
  readonly #speak: () => void;
  readonly #saveVolume: () => void;
  #tempo: TempoMap;
  #dragging = false;
  #shape = "";
  #loopKept: readonly [number, number] | null = null;

  constructor(
    readonly model: Model,
    readonly playhead: Playhead,
    readonly engine: SoundEngine,
    root: HTMLElement,
    readonly signal: AbortSignal,
  ) {
    this.#tempo = new TempoMap(model.get("tempo"));
    this.#announcer = Announcer.region(signal);
    const button = (label: string, shape: keyof typeof SHAPES, press: () => void, className = "acn-tool") => {
      const element = make(
        "button",
        className,
        { type: "button", "aria-label": label, title: label },
        icon(SHAPES[shape]),
      );
      listen(element, "click", press, signal);
      return element;
    };
    const start = button("Go to the start", "start", () => this.#act("start"));
    this.#toggle = button("Play", "play", () => this.#act("toggle"), "acn-tool acn-play");
    this.#loop = button("Loop", "loop", () => this.#act("loop"));
    const from = button("Loop from here", "from", () => this.#act("from"));
    const to = button("Loop up to here", "to", () => this.#act("to"));
    this.#rate.append(...RATES.map((rate) => make("option", "", { value: String(rate) }, `${rate}×`)));
    const track = make("div", "acn-seek-track", {}, this.#region, this.#seek);
    this.#root = make(
      "section",
      "acn-transport",
      {
        role: "group",
        tabindex: "0",
        "aria-roledescription": "transport",
        "aria-keyshortcuts": KEYS,
        // JupyterLab would move between cells with our keys.
        "data-lm-suppress-shortcuts": "true",
      },
      make("header", "acn-transport-head", {}, this.#title, this.#trouble),
      make(
        "div",
        "acn-transport-row",
        {},
        make("div", "acn-buttons", {}, start, this.#toggle),
        make("div", "acn-clocks", {}, this.#time, this.#total, this.#musical),
        track,
      ),
      make(
        "div",
        "acn-transport-row acn-transport-tools",
        {},
        make("div", "acn-buttons", { role: "group", "aria-label": "Loop" }, from, this.#loop, to),
        this.#rate,
        make("label", "acn-volume-label", {}, icon(SHAPES.volume), this.#volume),
        this.#meter.element,
      ),
      this.#announcer.element,
    );
    root.append(this.#root);
    this.#frames = new FrameLoop(() => this.#draw(), signal);
    this.#speak = throttle(() => this.#describe(), SPEAK_MS, signal);
    this.#saveVolume = throttle(() => model.save_changes(), SAVE_MS, signal);
    this.#connect();
    this.#readTraits();
  }

  #connect(): void {
    const { model, signal } = this;
    for (const trait of ["title", "media", "tempo"])
      onModel(model, `change:${trait}`, () => this.#readTraits(), signal);
    onModel(model, "change:volume", () => this.#readVolume(), signal);
    this.playhead.onChange(() => this.#changed(), signal);
    this.engine.onChange(() => this.#changed(), signal);
    this.engine.show(signal);
    const seekSoon = throttle(() => this.#go(Number(this.#seek.value)), SAVE_MS, signal);
    listen(this.#seek, "pointerdown", () => this.#hold(true), signal);
    for (const event of ["pointerup", "pointercancel", "blur"])
      listen(this.#seek, event, () => this.#hold(false), signal);
    listen(this.#seek, "input", seekSoon, signal);
    listen(this.#seek, "change", () => this.#go(Number(this.#seek.value)), signal);
    listen(this.#rate, "change", () => this.#do("rate", { rate: Number(this.#rate.value) }), signal);
    listen(
      this.#volume,
      "input",
      () => {
        this.engine.setVolume(Number(this.#volume.value));
        model.set("volume", Number(this.#volume.value));
        this.#saveVolume();
      },
      signal,
    );
    listen<KeyboardEvent>(this.#root, "keydown", (event) => this.#key(event), signal);
    onAbort(signal, () => this.#root.remove());
  }

  #readTraits(): void {
    const { model } = this;
    const title = text(model.get("title"));
    setText(this.#title, title);
    setAttribute(this.#root, "aria-label", `Transport of ${title}`);
    this.#tempo = new TempoMap(model.get("tempo"));
    this.#readVolume();
    this.#changed();
  }

  #readVolume(): void {
    const volume = clamp(num(this.model.get("volume"), 1), 0, 1);
    this.engine.setVolume(volume);
    if (Number(this.#volume.value) !== volume) this.#volume.value = String(volume);
    setAttribute(this.#volume, "aria-valuetext", `${Math.round(volume * 100)} percent`);
  }

  /** Something happened that is not just time passing. */
  #changed(): void {
    const { motion, range } = this.playhead;
    const shape = motion.playing ? "pause" : "play";
    if (shape !== this.#shape) {
      this.#shape = shape;
      this.#toggle.replaceChildren(icon(SHAPES[shape]));
      const label = motion.playing ? "Pause" : "Play";
      setAttribute(this.#toggle, "aria-label", label);
      setAttribute(this.#toggle, "title", `${label} (space)`);
    }
    setAttribute(this.#root, "data-playing", String(motion.playing));
    setAttribute(this.#root, "data-waiting", motion.playing && !motion.moving ? "true" : null);
    const end_s = this.#end();
    setAttribute(this.#seek, "min", String(range.start_s));
    setAttribute(this.#seek, "max", String(end_s));
    setText(this.#total, Number.isFinite(range.end_s) ? `/ ${formatTime(range.end_s, 1)}` : "");
    setAttribute(this.#loop, "aria-pressed", String(motion.loop !== null));
    if (motion.loop) this.#loopKept = motion.loop;
    this.#drawRegion(motion.loop, range.start_s, end_s);
    this.#readRate(motion.rate);
    const trouble = this.engine.trouble ?? (this.engine.able ? null : { text: this.#reason(), bad: false });
    setText(this.#trouble, trouble?.text ?? "");
    setHidden(this.#trouble, !trouble?.text);
    setAttribute(this.#trouble, "data-bad", String(trouble?.bad ?? false));
    if (trouble) this.#announcer.say(trouble.text);
    this.#frames.request();
  }

  #reason(): string {
    return parseMedia(this.model.get("media")).reason;
  }

  #readRate(rate: number): void {
    const value = String(rate);
    const known = [...this.#rate.options].some((option) => option.value === value);
    if (!known) this.#rate.append(make("option", "", { value }, `${rate}×`));
    if (this.#rate.value !== value) this.#rate.value = value;
  }

  #drawRegion(loop: readonly [number, number] | null, start_s: number, end_s: number): void {
    setHidden(this.#region, loop === null);
    if (!loop) return;
    const share = (time_s: number) => clamp((time_s - start_s) / Math.max(end_s - start_s, 1e-9), 0, 1);
    // The middle of a slider's thumb never comes closer to the ends than half its width.
    const place = (part: number) => `calc(${THUMB_PX / 2}px + ${part.toFixed(5)} * (100% - ${THUMB_PX}px))`;
    this.#region.style.left = place(share(loop[0]));
    this.#region.style.right = place(1 - share(loop[1]));
  }

  /** Where the slider ends; without tracks it grows with the time. */
  #end(): number {
    const { end_s } = this.playhead.range;
    return Number.isFinite(end_s) ? end_s : Math.max(60, Math.ceil(this.playhead.now() / 60) * 60);
  }

  #draw(): void {
    const time_s = this.playhead.now();
    setText(this.#time, formatTime(time_s, 2));
    setText(this.#musical, formatBarBeat(this.#tempo.barBeat(time_s)));
    if (!this.#dragging) this.#seek.value = String(time_s);
    this.#meter.draw(this.engine.playing ? this.engine.mixer.levels() : null);
    this.#speak();
    if (this.playhead.moving || this.engine.playing || this.#meter.falls) this.#frames.request();
  }

  #describe(): void {
    setAttribute(this.#seek, "aria-valuetext", spokenPosition(this.playhead.now(), this.#tempo));
  }

  // ---- what people do

  #hold(held: boolean): void {
    this.#dragging = held;
  }

  #go(time_s: number): void {
    const { start_s } = this.playhead.range;
    this.#do("seek", { time_s: clamp(time_s, start_s, this.#end()) });
  }

  /** With the sound of this model, if it is to begin or nobody else leads; else by whoever leads. */
  #do(verb: PlayheadVerb, change: PlayheadChange): void {
    const own = this.engine.able && (verb === "play" || this.playhead.engine === null);
    if (own && this.engine.control(verb, change)) return;
    if (verb === "play") this.playhead.play();
    else if (verb === "pause") this.playhead.pause();
    else if (verb === "seek") this.playhead.seek(change.time_s ?? 0);
    else if (verb === "rate") this.playhead.setRate(change.rate ?? 1);
    else this.playhead.setLoop(change.loop ?? null);
  }

  #act(action: KeyAction): void {
    const { motion, range } = this.playhead;
    const now_s = this.playhead.now();
    const beats = (by: number) => this.#tempo.seconds(Math.round(this.#tempo.ticks(now_s) / 960 + by) * 960);
    const end_s = this.#end();
    switch (action) {
      case "toggle":
        this.#do(motion.playing ? "pause" : "play", {});
        break;
      case "back":
        this.#go(now_s - STEP_S);
        break;
      case "forth":
        this.#go(now_s + STEP_S);
        break;
      case "beatBack":
        this.#go(beats(-1));
        break;
      case "beatForth":
        this.#go(beats(1));
        break;
      case "start":
        this.#go(range.start_s);
        break;
      case "end":
        this.#go(end_s);
        break;
      case "from":
        this.#setLoop(now_s, motion.loop && motion.loop[1] > now_s ? motion.loop[1] : end_s);
        break;
      case "to":
        this.#setLoop(motion.loop && motion.loop[0] < now_s ? motion.loop[0] : range.start_s, now_s);
        break;
      case "loop":
        if (motion.loop) this.#do("loop", { loop: null });
        else this.#setLoop(...(this.#loopKept ?? [range.start_s, end_s]));
        break;
    }
    if (action !== "toggle") this.#announcer.say(spokenPosition(this.playhead.now(), this.#tempo));
  }

  #setLoop(start_s: number, end_s: number): void {
    if (end_s - start_s < LEAST_LOOP_S) this.#announcer.say("The loop would be too short.");
    else this.#do("loop", { loop: [start_s, end_s] });
  }

  #key(event: KeyboardEvent): void {
    const action = keyAction(event);
    const target = event.target as HTMLElement;
    // What keys mean to a button, a list or the volume stays as it is.
    const own = target === this.#volume || target === this.#rate || (target.tagName === "BUTTON" && event.key === " ");
    if (!action || own) return;
    event.preventDefault();
    event.stopPropagation();
    this.#act(action);
  }
}
