// CachesPanel: every track with its status, its features and what can be done about them.

import { Announcer } from "../announcer";
import { freshId, KeyedList, make, setHidden } from "../dom";
import type { Model } from "../host";
import type { Hub } from "../hub";
import { onAbort, onModel } from "../scope";
import { Actions, type Outcome } from "./actions";
import { Card } from "./card";
import { parseRows, type TrackRow } from "./rows";

export function renderPanel(model: Model, hub: Hub, root: HTMLElement, signal: AbortSignal): void {
  const id = freshId();
  const empty = make("p", "acn-empty", {}, "Add an audio track to begin analysing audio features.");
  const body = make("div", "acn-cards");
  const announcer = Announcer.region(signal);
  root.append(
    make(
      "section",
      "acn-panel",
      { "aria-labelledby": id },
      make("h2", "acn-title", { id }, "Analysis Caches"),
      make("p", "acn-fine", {}, "Monitor audio feature processing progress and manually control analysis jobs."),
      empty,
      body,
      announcer.element,
    ),
  );

  let rows: TrackRow[] = [];
  const states = new Map<string, string>();
  const actions = new Actions(hub, signal, (outcome) => {
    update();
    report(outcome);
  });
  const cards = new KeyedList<TrackRow, Card>(
    body,
    (row) => row.track_id,
    (row) => new Card(row.track_id, actions),
  );

  function update(): void {
    rows = parseRows(model.get("rows"), model.get("live"));
    setHidden(empty, rows.length > 0);
    cards.update(rows);
    announce();
  }

  /** Only a change of state is worth saying; progress has a bar. */
  function announce(): void {
    const first = states.size === 0;
    for (const { track_id, status } of rows) {
      if (!first && states.get(track_id) !== status.state) announcer.say(`${status.name}: ${status.text}`);
      states.set(track_id, status.state);
    }
  }

  function report(outcome: Outcome): void {
    cards.parts.get(outcome.track_id)?.notice(outcome);
    const name = rows.find((row) => row.track_id === outcome.track_id)?.status.name ?? "";
    if (outcome.message) announcer.say(`${name}: ${outcome.message}`);
  }

  onModel(model, "change:rows", update, signal);
  onModel(model, "change:live", update, signal);
  onAbort(signal, () => {
    for (const card of cards.parts.values()) card.remove();
  });
  update();
}
