// The feature list of one card, as a real table.

import { KeyedList, make, setAttribute, setHidden, setText } from "../dom";
import { Pill } from "../status";
import type { Actions } from "./actions";
import { ActionButton } from "./button";
import { type FeatureRow, featureOrigin, featureReason, featureWord, type TrackRow } from "./rows";

const COLUMNS = ["Feature", "State", "Unit", "Shape", "Size", "Parameters"];

class FeatureLine {
  readonly element = make("tr");
  readonly #label = make("span", "acn-feature-label");
  readonly #origin = make("span", "acn-fine");
  readonly #pill = new Pill();
  readonly #reason = make("span", "acn-fine");
  readonly #cells = COLUMNS.slice(2).map(() => make("td"));
  readonly #button: ActionButton;
  readonly #controller = new AbortController();
  #row: FeatureRow;

  constructor(
    row: FeatureRow,
    readonly track_id: string,
    readonly actions: Actions,
  ) {
    this.#row = row;
    this.#button = new ActionButton("Re-analyse", () => this.#press(), this.#controller.signal);
    this.element.append(
      make("th", "", { scope: "row" }, this.#label, this.#origin),
      make("td", "acn-feature-state", {}, this.#pill.element, this.#reason),
      ...this.#cells,
      make("td", "acn-feature-action", {}, this.#button.holder),
    );
  }

  update(row: FeatureRow): void {
    this.#row = row;
    setText(this.#label, row.label);
    setText(this.#origin, featureOrigin(row));
    this.#pill.update(row.state, featureWord(row.state));
    setAttribute(this.#pill.element, "title", row.reason || null);
    const reason = featureReason(row);
    setText(this.#reason, reason);
    setHidden(this.#reason, !reason);
    [row.unit, row.shape, row.size, row.parameters].forEach((value, k) => {
      setText(this.#cells[k], value || "–");
    });
    const busy = this.actions.isBusy(this.#key());
    this.#button.update(row.can_reanalyze, row.why || "Re-analyse this feature track.", busy, row.label);
  }

  remove(): void {
    this.#controller.abort();
  }

  #key(): string {
    return `reanalyze\n${this.track_id}\n${this.#row.slot}`;
  }

  #press(): void {
    this.actions.send(this.#key(), "reanalyze", this.track_id, [this.#row.slot]);
  }
}

export class FeatureTable {
  readonly element = make("div", "acn-table-scroll");
  readonly #lines: KeyedList<FeatureRow, FeatureLine>;
  readonly #caption = make("caption", "acn-ears");

  constructor(track_id: string, actions: Actions) {
    const head = make("tr");
    for (const column of COLUMNS) head.append(make("th", "", { scope: "col" }, column));
    head.append(make("td"));
    const body = make("tbody");
    this.element.append(make("table", "acn-table", {}, this.#caption, make("thead", "", {}, head), body));
    this.#lines = new KeyedList(
      body,
      (row) => row.slot || row.feature,
      (row) => new FeatureLine(row, track_id, actions),
    );
  }

  update({ features, status }: TrackRow): void {
    setHidden(this.element, features.length === 0);
    setText(this.#caption, `Cached feature tracks of ${status.name}`);
    const sorted = [...features].sort((a, b) => a.label.localeCompare(b.label));
    this.#lines.update(sorted);
  }

  remove(): void {
    for (const line of this.#lines.parts.values()) line.remove();
  }
}
