// Regenerations under way, those that went wrong, and what was done before.

import { KeyedList, make, setHidden, setText } from "../dom";
import { formatClock, formatDuration } from "../format";
import { finite, isRecord, type Json, list, num, record, text } from "../guards";
import type { Actions } from "../panel/actions";
import { ActionButton } from "../panel/button";
import { Pill, ProgressBar, parseProgress } from "../status";

const WORDS: ReadonlyMap<string, string> = new Map([
  ["queued", "Queued"],
  ["running", "Running…"],
  ["succeeded", "Succeeded"],
  ["failed", "Failed"],
  ["cancelled", "Cancelled"],
]);

const words = (state: string) => WORDS.get(state) ?? state;
const records = (value: unknown): Json[] => list(value).filter(isRecord);

class JobLine {
  readonly element = make("li", "acn-job");
  readonly #pill = new Pill();
  readonly #what = make("span");
  readonly #bar = new ProgressBar();
  readonly #error = make("span", "acn-fine");
  readonly #controller = new AbortController();
  readonly #cancel: ActionButton;
  readonly #retry: ActionButton;
  readonly #id: string;

  constructor(
    job: Json,
    readonly actions: Actions,
  ) {
    this.#id = text(job.id);
    const signal = this.#controller.signal;
    const press = (verb: string) => () => actions.command(`${verb}\n${this.#id}`, verb, this.#id);
    this.#cancel = new ActionButton("Cancel", press("cancel"), signal);
    this.#retry = new ActionButton("Retry", press("retry"), signal);
    const buttons = make("span", "acn-actions", {}, this.#cancel.holder, this.#retry.holder);
    this.element.append(this.#pill.element, this.#what, this.#bar.element, this.#error, buttons);
  }

  update(job: Json): void {
    const state = text(job.state);
    const can = list(job.can);
    const name = `${text(job.features)} of ${text(job.track)}`;
    this.#pill.update(state, words(state));
    setText(this.#what, name);
    setText(this.#error, text(job.error));
    setHidden(this.#error, !text(job.error));
    this.#cancel.update(true, "", this.actions.isBusy(`cancel\n${this.#id}`), name);
    this.#retry.update(true, "", this.actions.isBusy(`retry\n${this.#id}`), name);
    setHidden(this.#cancel.holder, !can.includes("cancel"));
    setHidden(this.#retry.holder, !can.includes("retry"));
  }

  live(live: Json): void {
    const own = live[this.#id];
    this.#bar.update(own === undefined ? null : parseProgress(record(own)));
  }

  remove(): void {
    this.#controller.abort();
  }
}

export class Jobs {
  readonly element: HTMLElement;
  readonly #lines: KeyedList<Json, JobLine>;

  constructor(actions: Actions) {
    const body = make("ul", "acn-jobs-list");
    this.element = make("section", "acn-jobs", { "aria-label": "Jobs" }, body);
    this.#lines = new KeyedList(
      body,
      (job) => text(job.id),
      (job) => new JobLine(job, actions),
    );
  }

  update(jobs: unknown, live: unknown): void {
    const found = records(jobs);
    setHidden(this.element, found.length === 0);
    this.#lines.update(found);
    this.live(live);
  }

  live(live: unknown): void {
    const now = record(live);
    for (const line of this.#lines.parts.values()) line.live(now);
  }

  remove(): void {
    for (const line of this.#lines.parts.values()) line.remove();
  }
}

const COLUMNS = ["Time", "What", "Result", "Took", "Note"];

export class History {
  readonly element: HTMLDetailsElement;
  readonly #summary = make("summary");
  readonly #body = make("tbody");
  #lines: Json[] = [];

  constructor(signal: AbortSignal) {
    const head = make("tr", "", {}, ...COLUMNS.map((column) => make("th", "", { scope: "col" }, column)));
    const caption = make("caption", "acn-ears", {}, "What was done, the latest first");
    const table = make("table", "acn-table", {}, caption, make("thead", "", {}, head), this.#body);
    this.element = make("details", "acn-history", {}, this.#summary, make("div", "acn-table-scroll", {}, table));
    this.element.addEventListener("toggle", () => this.#draw(), { signal });
  }

  update(history: unknown): void {
    this.#lines = records(history);
    setHidden(this.element, this.#lines.length === 0);
    setText(this.#summary, `History (${this.#lines.length})`);
    this.#draw();
  }

  /** Only what is open is drawn. */
  #draw(): void {
    if (this.element.open) this.#body.replaceChildren(...this.#lines.map((line) => this.#line(line)));
    else this.#body.replaceChildren();
  }

  #line(line: Json): HTMLElement {
    const pill = new Pill();
    const status = text(line.status);
    pill.update(status, words(status));
    const seconds = finite(line.seconds);
    return make(
      "tr",
      "",
      {},
      make("td", "acn-number", {}, formatClock(num(line.timestamp, 0))),
      make("th", "", { scope: "row" }, `${text(line.action)}: ${text(line.features)} of ${text(line.track)}`),
      make("td", "", {}, pill.element),
      make("td", "acn-number", {}, seconds === null ? "–" : formatDuration(seconds)),
      make("td", "acn-why", {}, text(line.note)),
    );
  }
}
