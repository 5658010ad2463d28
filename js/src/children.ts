// Widgets within a widget: the host renders them where we have a place for them.

import { make } from "./dom";
import { errorText } from "./errorbox";
import { record, text } from "./guards";
import type { Host, Model } from "./host";

/** A place for the child of that name; says why if there is none. */
export function place(model: Model, host: Host | undefined, name: string, signal: AbortSignal): HTMLElement {
  const element = make("div", "acn-child");
  const reference = text(record(model.get("parts"))[name]);
  const fail = (why: string) => element.replaceChildren(make("p", "acn-fine", {}, why));
  if (!host?.getWidget) fail("This application cannot show a widget within a widget.");
  else if (!reference) fail("This part has ended. Run the cell again.");
  else {
    host
      .getWidget(reference)
      .then((widget) => (signal.aborted ? undefined : widget.render({ el: element, signal })))
      .catch((error) => {
        if (!signal.aborted) fail(`This part could not be shown: ${errorText(error)}`);
      });
  }
  return element;
}
