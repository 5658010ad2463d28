// FrameInspector: the values of a feature at the playhead, and what led up to them.

import { Announcer } from "../announcer";
import { make, setAttribute, setHidden, setText } from "../dom";
import { guard } from "../errorbox";
import { formatTime, formatValue } from "../format";
import { record, text } from "../guards";
import type { Model } from "../host";
import type { Hub } from "../hub";
import { followPlayhead } from "../playhead";
import { fitCanvas } from "../plot/view";
import { FrameLoop, listen, onAbort, onModel } from "../scope";
import { Pill } from "../status";
import { formatBarBeat, TempoMap } from "../tempo";
import { Theme } from "../theme";
import { drawBars, drawChroma, drawSpectrum, drawTrail, peakWords } from "./draw";
import { type Axis, type Frame, KINDS, type Kind, nameOf, parseAxis, parseFrame } from "./frame";

const HEIGHT_PX: Record<Kind, number> = { bars: 180, spectrum: 200, chroma: 240, numbers: 0 };
const TRAIL_PX = 72;
const SHOWN_NUMBERS = 128;
const WORDS: Record<Kind, string> = { bars: "Bars", spectrum: "Spectrum", chroma: "Wheel", numbers: "Numbers" };
const STATES: ReadonlyMap<string, string> = new Map([
  ["fresh", "Fresh"],
  ["stale", "Stale"],
  ["running", "Running"],
  ["queued", "Waiting"],
  ["failed", "Failed"],
  ["missing", "Missing"],
]);

class Inspector {
  readonly #title = make("h3", "acn-title");
  readonly #pill = new Pill();
  readonly #note = make("p", "acn-inspector-note");
  readonly #where = make("span", "acn-fine acn-where");
  readonly #peak = make("span", "acn-peak");
  readonly #picture = make("canvas", "acn-canvas acn-frame", { role: "img" });
  readonly #trail = make("canvas", "acn-canvas acn-trail", { role: "img" });
  readonly #table = make(
    "table",
    "acn-table acn-numbers",
    {},
    make("caption", "acn-ears", {}, "Values at the playhead"),
  );
  readonly #body = make("tbody");
  readonly #buttons = new Map<Kind, HTMLButtonElement>();
  readonly #root: HTMLElement;
  readonly #announcer: Announcer;
  readonly #theme: Theme;
  readonly #loop: FrameLoop;
  #axis: Axis = parseAxis({});
  #frame: Frame | null = null;
  #tempo = new TempoMap({});
  #kind: Kind = "numbers";
  #width = 0;

  constructor(
    readonly model: Model,
    hub: Hub,
    root: HTMLElement,
    readonly signal: AbortSignal,
  ) {
    this.#announcer = Announcer.region(signal);
    const choice = make("div", "acn-toolbar", { role: "group", "aria-label": "Shown as" });
    for (const kind of KINDS) {
      const button = make("button", "acn-button", { type: "button" }, WORDS[kind]);
      listen(button, "click", () => this.#choose(kind), signal);
      this.#buttons.set(kind, button);
      choice.append(button);
    }
    this.#table.append(
      make(
        "thead",
        "",
        {},
        make("tr", "", {}, make("th", "", { scope: "col" }, "Value of"), make("th", "", { scope: "col" }, "Now")),
      ),
      this.#body,
    );
    this.#root = make(
      "section",
      "acn-inspector",
      { role: "group" },
      make("header", "acn-plot-head", {}, this.#title, this.#pill.element, this.#note, choice),
      make("div", "acn-inspector-read", {}, this.#peak, this.#where),
      this.#picture,
      make("div", "acn-numbers-scroll", {}, this.#table),
      this.#trail,
      this.#announcer.element,
    );
    root.append(this.#root);
    this.#loop = new FrameLoop(() => guard(root, () => this.#draw()), signal);
    this.#theme = new Theme(root, () => this.#loop.request(), signal);
    const observer = new ResizeObserver(() => {
      this.#theme.refresh();
      this.#loop.request();
    });
    observer.observe(this.#root);
    onAbort(signal, () => observer.disconnect());
    for (const trait of ["title", "state", "axis", "kind", "tempo"]) {
      onModel(model, `change:${trait}`, () => this.#read(), signal);
    }
    onModel(model, "change:frame", () => this.#readFrame(), signal);
    // While it plays frames come by themselves; what it does is shown by others, the buttons of a transport.
    followPlayhead(model, hub, signal);
    this.#read();
    this.#readFrame();
  }

  #read(): void {
    const { model } = this;
    const title = text(model.get("title"));
    setText(this.#title, title);
    setAttribute(this.#root, "aria-label", `Inspector of ${title}`);
    this.#axis = parseAxis(model.get("axis"));
    this.#tempo = new TempoMap(model.get("tempo"));
    const chosen = text(model.get("kind")) as Kind;
    this.#kind = this.#axis.kinds.includes(chosen) ? chosen : this.#axis.kinds[0];
    for (const [kind, button] of this.#buttons) {
      setHidden(button, !this.#axis.kinds.includes(kind) || this.#axis.kinds.length < 2);
      setAttribute(button, "aria-pressed", String(kind === this.#kind));
    }
    setAttribute(this.#root, "data-kind", this.#kind);
    this.#readState();
    this.#loop.request();
  }

  #readState(): void {
    const told = record(this.model.get("state"));
    const state = text(told.state, "missing");
    const there = told.there === true;
    setAttribute(this.#root, "data-state", state);
    this.#pill.update(state, STATES.get(state) ?? state);
    const partial = this.#frame?.partial ? "What exists so far is shown." : "";
    const outside = there && this.#frame && !this.#frame.in_range ? "The playhead is outside of the clip." : "";
    const reason = state === "fresh" ? "" : text(told.reason);
    const note = [reason, partial, outside].filter(Boolean).join(" ");
    setText(this.#note, note);
    setHidden(this.#note, note === "");
    setAttribute(this.#root, "data-out", outside ? "true" : null);
    for (const element of [this.#picture, this.#trail]) setHidden(element, !there);
    setHidden(this.#picture, !there || this.#kind === "numbers");
    setHidden(this.#table, !there || this.#kind !== "numbers");
    setHidden(this.#peak, !there);
    if (state !== "fresh" && note) this.#announcer.say(`${STATES.get(state) ?? state}. ${note}`);
  }

  #readFrame(): void {
    this.#frame = parseFrame(this.model.get("frame"));
    this.#readState();
    this.#loop.request();
  }

  #choose(kind: Kind): void {
    this.model.set("kind", kind);
    this.model.save_changes();
    this.#read();
  }

  #draw(): void {
    const frame = this.#frame;
    // A page that changes its theme may be without layout for a frame: then the last width is still right.
    this.#width = this.#root.clientWidth || this.#width;
    if (!frame || this.#width === 0) return;
    const axis = this.#axis;
    const { bar, beat } = this.#tempo.barBeat(frame.time_s);
    const frameNumber = frame.in_range ? ` · frame ${frame.index + 1} of ${frame.frames}` : "";
    setText(this.#where, `${formatTime(frame.time_s)} · ${formatBarBeat({ bar, beat })}${frameNumber}`);
    const words = peakWords(axis, frame, formatValue);
    setText(this.#peak, frame.in_range ? words : "–");
    const values = frame.in_range ? frame : { ...frame, values: frame.values.map(() => Number.NaN) };
    if (this.#kind === "numbers") this.#fill(axis, frame);
    else {
      const draw = { bars: drawBars, spectrum: drawSpectrum, chroma: drawChroma }[this.#kind];
      this.#on(this.#picture, HEIGHT_PX[this.#kind], (ctx, place) => draw(ctx, place, axis, values, this.#theme));
      setAttribute(
        this.#picture,
        "aria-label",
        `${WORDS[this.#kind]}: ${frame.in_range ? `highest ${words}` : "no value here"}`,
      );
    }
    this.#on(this.#trail, TRAIL_PX, (ctx, place) => drawTrail(ctx, place, axis, frame, this.#theme));
    setAttribute(this.#trail, "aria-label", "What led up to it");
  }

  #on(
    canvas: HTMLCanvasElement,
    height: number,
    draw: (ctx: CanvasRenderingContext2D, place: { width: number; height: number; ratio: number }) => void,
  ): void {
    const width = this.#width;
    const ratio = Math.min(Math.max(window.devicePixelRatio || 1, 0.5), 4);
    fitCanvas(canvas, width, height, ratio);
    const ctx = canvas.getContext("2d");
    if (ctx) draw(ctx, { width, height, ratio });
  }

  #fill(axis: Axis, frame: Frame): void {
    const count = Math.min(frame.values.length, SHOWN_NUMBERS);
    const rows = this.#body.children;
    while (rows.length > count) this.#body.lastElementChild?.remove();
    while (rows.length < count) {
      this.#body.append(make("tr", "", {}, make("th", "", { scope: "row" }), make("td")));
    }
    for (let k = 0; k < count; k++) {
      const [name, value] = rows[k].children;
      setText(name, nameOf(axis, k));
      setText(value, frame.in_range ? formatValue(frame.values[k], axis.unit) : "–");
    }
  }
}

export function renderInspector(model: Model, hub: Hub, root: HTMLElement, signal: AbortSignal): void {
  new Inspector(model, hub, root, signal);
}
