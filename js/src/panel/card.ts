// One track of the panel.

import { freshId, make, setAttribute, setHidden, setText } from "../dom";
import { formatClock } from "../format";
import { Pill, ProgressBar } from "../status";
import type { Actions, Outcome } from "./actions";
import { ActionButton } from "./button";
import type { TrackRow } from "./rows";
import { FeatureTable } from "./table";

export class Card {
  readonly element: HTMLElement;
  readonly #name: HTMLElement;
  readonly #pill = new Pill();
  readonly #source = make("code");
  readonly #audio = make("span", "acn-audio");
  readonly #health = make("p", "acn-health");
  readonly #message = make("span", "acn-message");
  readonly #updated = make("time", "acn-fine");
  readonly #news = make("p", "acn-facts", {}, this.#message, this.#updated);
  readonly #bar = new ProgressBar();
  readonly #notice = make("p", "acn-notice");
  readonly #summary = make("p", "acn-summary");
  readonly #controller = new AbortController();
  readonly #stop: ActionButton;
  readonly #restart: ActionButton;
  readonly #refresh: ActionButton;
  readonly #compute: ActionButton;
  readonly #table: FeatureTable;

  constructor(
    readonly track_id: string,
    readonly actions: Actions,
  ) {
    const signal = this.#controller.signal;
    const id = freshId();
    this.#stop = new ActionButton("Stop", () => this.#press("stop"), signal);
    this.#restart = new ActionButton("Restart", () => this.#press("restart"), signal);
    this.#refresh = new ActionButton("Re-analyse only what is stale", () => this.#press("refresh_stale"), signal);
    this.#compute = new ActionButton("Compute", () => this.#press("compute"), signal);
    this.#table = new FeatureTable(track_id, actions);
    this.#name = make("h3", "acn-name", { id });
    this.#notice.hidden = true;
    this.element = make(
      "article",
      "acn-card",
      { "aria-labelledby": id },
      make(
        "header",
        "acn-card-head",
        {},
        this.#name,
        this.#pill.element,
        make(
          "span",
          "acn-actions",
          {},
          this.#compute.holder,
          this.#refresh.holder,
          this.#stop.holder,
          this.#restart.holder,
        ),
      ),
      make("p", "acn-facts", {}, make("span", "", {}, "Source ID: ", this.#source), this.#audio),
      this.#health,
      this.#news,
      this.#bar.element,
      this.#notice,
      this.#summary,
      this.#table.element,
    );
  }

  update(row: TrackRow): void {
    const { status } = row;
    // A refusal was about a state that is no more.
    if (this.element.dataset.state !== status.state) this.#notice.hidden = true;
    setAttribute(this.element, "data-state", status.state);
    setText(this.#name, status.name || "Untitled");
    this.#pill.update(status.state, status.text);
    setText(this.#source, row.source_id);
    setText(this.#audio, row.audio);
    setHidden(this.#audio, !row.audio);
    setText(this.#health, row.health);
    setHidden(this.#health, !row.health);
    setText(this.#message, status.message);
    setHidden(this.#message, !status.message);
    this.#updateTime(row.updated_at);
    setHidden(this.#news, !status.message && row.updated_at === null);
    this.#bar.update(status.state === "pending" ? status.progress : null);
    setText(this.#summary, row.summary);
    setHidden(this.#summary, !row.summary);
    const name = status.name || "this track";
    this.#stop.update(row.can_stop, row.stop_reason || "Stop analysis", this.#busy("stop"), name);
    this.#restart.update(row.can_restart, row.restart_reason || "Restart analysis", this.#busy("restart"), name);
    const pending = status.state === "pending";
    this.#refresh.update(
      !pending,
      pending ? "Analysis already in progress." : "",
      this.#busy("refresh_stale"),
      `of ${name}`,
    );
    setHidden(this.#refresh.holder, row.stale === 0);
    this.#compute.update(true, "Compute what is asked for", this.#busy("compute"), `${name}, ${row.cost}`);
    setText(this.#compute.element, `Compute (${row.cost})`);
    setHidden(this.#compute.holder, !row.cost);
    this.#table.update(row);
  }

  /** Shows what became of a click, unless all went well; the next click or state clears it. */
  notice({ kind, message }: Outcome): void {
    const words = kind === "refused" || kind === "silent" ? message : "";
    setText(this.#notice, words);
    setHidden(this.#notice, !words);
  }

  remove(): void {
    this.#controller.abort();
    this.#table.remove();
  }

  #updateTime(updated_at: number | null): void {
    setHidden(this.#updated, updated_at === null);
    if (updated_at === null) return;
    // Date itself ends about 270,000 years from now.
    const date = new Date(updated_at * 1000);
    setHidden(this.#updated, Number.isNaN(date.getTime()));
    if (Number.isNaN(date.getTime())) return;
    setText(this.#updated, `Updated ${formatClock(updated_at)}`);
    setAttribute(this.#updated, "datetime", date.toISOString());
  }

  #key(verb: string): string {
    return `${verb}\n${this.track_id}`;
  }

  #busy(verb: string): boolean {
    return this.actions.isBusy(this.#key(verb));
  }

  #press(verb: "stop" | "restart" | "refresh_stale" | "compute"): void {
    this.actions.send(this.#key(verb), verb, this.track_id);
  }
}
