// Tells the kernel whether a plot is on the screen: what is looked at is computed first.

import type { Model } from "../host";
import { onAbort } from "../scope";

export function watchScreen(model: Model, plot: HTMLElement, signal: AbortSignal): void {
  if (typeof IntersectionObserver === "undefined") return;
  const tell = (inView: boolean) => {
    if (model.get("in_view") === inView) return;
    model.set("in_view", inView);
    model.save_changes();
  };
  const observer = new IntersectionObserver((entries) => tell(entries[entries.length - 1].isIntersecting));
  observer.observe(plot);
  onAbort(signal, () => observer.disconnect());
}
