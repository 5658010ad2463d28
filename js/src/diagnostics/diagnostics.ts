// DiagnosticsTable: what is asked for beside what is there, why, and what to do about it.

import { Announcer } from "../announcer";
import { freshId, KeyedList, make, OWN_KEYS, setHidden, setText } from "../dom";
import { text } from "../guards";
import type { Model } from "../host";
import type { Hub } from "../hub";
import { Actions, type Outcome } from "../panel/actions";
import { FrameLoop, listen, onAbort, onModel, Timer } from "../scope";
import type { Book } from "./book";
import { Banner, Waiting } from "./calls";
import { FocusKeeper } from "./focus";
import { History, Jobs } from "./jobs";
import { COLUMNS, TableLine } from "./lines";
import { arrange, type Line, type Sort } from "./rows";
import { Tools } from "./tools";

export const PAGE_ROWS = 300;
const AGE_MS = 30_000;

export function renderDiagnostics(model: Model, hub: Hub, book: Book, root: HTMLElement, signal: AbortSignal): void {
  const id = freshId();
  const actions = new Actions(hub, signal, (outcome) => report(outcome));
  const announcer = Announcer.region(signal);
  const summary = make("span", "acn-summary");
  const banner = new Banner(actions, signal);
  const waiting = new Waiting(actions);
  const tools = new Tools(model, actions, signal);
  const notice = make("p", "acn-notice");
  const empty = make("p", "acn-empty");
  const caption = make("caption", "acn-ears", {}, "What is asked for beside what is there, by recording and profile");
  const head = make("tr", "", {}, ...COLUMNS.map((column) => make("th", "", { scope: "col" }, column)));
  head.append(make("td", "", {}, make("span", "acn-ears", {}, "Actions")));
  const body = make("tbody");
  const table = make("table", "acn-table", {}, caption, make("thead", "", {}, head), body);
  const scroll = make("div", "acn-table-scroll acn-diagnostics-scroll", { tabindex: "-1", ...OWN_KEYS }, table);
  const more = make("button", "acn-button", { type: "button" });
  const jobs = new Jobs(actions);
  const history = new History(signal);
  root.append(
    make(
      "section",
      "acn-panel acn-diagnostics",
      { "aria-labelledby": id },
      make("header", "acn-diagnostics-head", {}, make("h2", "acn-title", { id }, "Diagnostics"), summary),
      banner.element,
      waiting.element,
      tools.element,
      notice,
      empty,
      scroll,
      more,
      jobs.element,
      history.element,
      announcer.element,
    ),
  );
  notice.hidden = true;

  let limit = PAGE_ROWS;
  const live = () => model.get("live");
  const lines = new KeyedList<Line, TableLine>(
    body,
    (line) => line.key,
    (line) => new TableLine(line, { actions, live }),
  );
  const focus = new FocusKeeper(body, scroll, signal);

  function update(): void {
    const issuesOnly = model.get("issues_only") !== false;
    const sort: Sort = model.get("sort") === "track" ? "track" : "severity";
    const shown = arrange(book.groups, book.rows, sort, issuesOnly, limit);
    focus.during(() => lines.update(shown.lines));
    setHidden(scroll, shown.total === 0);
    setHidden(more, shown.total <= limit);
    setText(more, `Show ${Math.min(PAGE_ROWS, shown.total - limit)} more of ${shown.total - limit}`);
    const words = text(model.get("summary"));
    setText(summary, words);
    setText(empty, book.rows.size > 0 && issuesOnly ? "No issues. Untick “Issues only” to see all features." : words);
    setHidden(empty, shown.total > 0);
    tools.update(book.groups.values(), issuesOnly, sort);
    banner.update(model.get("banner"), tools.fixable);
    waiting.update(model.get("waiting"));
    jobs.update(model.get("jobs"), live());
    announcer.say(words);
  }

  // What arrives together is drawn once.
  const loop = new FrameLoop(update, signal);
  const request = () => loop.request();
  book.onChange(request, signal);
  for (const trait of ["issues_only", "sort", "summary", "banner", "waiting", "jobs"]) {
    onModel(model, `change:${trait}`, request, signal);
  }
  onModel(model, "change:history", () => history.update(model.get("history")), signal);
  onModel(
    model,
    "change:live",
    () => {
      for (const line of lines.parts.values()) line.live();
      jobs.live(live());
    },
    signal,
  );
  listen(
    more,
    "click",
    () => {
      limit += PAGE_ROWS;
      update();
    },
    signal,
  );

  function report({ kind, message }: Outcome): void {
    const trouble = kind === "refused" || kind === "silent";
    setText(notice, trouble ? message : "");
    setHidden(notice, !trouble || !message);
    if (message) announcer.say(message);
    request();
  }

  const age = new Timer(() => {
    for (const line of lines.parts.values()) line.age();
    age.set(AGE_MS);
  }, signal);
  age.set(AGE_MS);
  onAbort(signal, () => {
    for (const line of lines.parts.values()) line.remove();
    waiting.remove();
    jobs.remove();
  });
  history.update(model.get("history"));
  update();
}
