// What all modules of views have in common: the life of a model and of its views, and a plain word if drawing fails.

import { make } from "./dom";
import { guard } from "./errorbox";
import type { Host, InitializeProps, Model, RenderProps } from "./host";
import { onAbort } from "./scope";

/** One view of a model that is to be drawn. */
export interface Drawing {
  model: Model;
  root: HTMLElement;
  host: Host | undefined;
  signal: AbortSignal;
}

type Draw = (drawing: Drawing) => void;

/**
 * The default export of a module: hosts call it once per model, which is what gives the views of a model something to
 * share: the model objects that `initialize` and `render` receive are not the same.
 *
 * @param share makes what the views of a model share, from the start, and returns what draws one of them
 */
export function widgetOf(share: (model: Model, signal: AbortSignal) => Draw) {
  return () => {
    let shared: Draw | undefined;

    /** Hosts that predate `signal` use the returned function to clean up instead. */
    const own = (signal: AbortSignal | undefined): [AbortSignal, (() => void) | undefined] => {
      if (signal) return [signal, undefined];
      const controller = new AbortController();
      return [controller.signal, () => controller.abort()];
    };

    const begin = (model: Model, signal: AbortSignal): Draw => {
      const created = share(model, signal);
      shared = created;
      onAbort(signal, () => {
        if (shared === created) shared = undefined;
      });
      return created;
    };

    return {
      initialize({ model, signal }: InitializeProps) {
        const [life, cleanup] = own(signal);
        begin(model, life);
        return cleanup;
      },

      render({ model, el, host, signal }: RenderProps) {
        const [life, cleanup] = own(signal);
        const root = make("div", "acn-root");
        el.append(root);
        onAbort(life, () => root.remove());
        guard(root, () => (shared ?? begin(model, life))({ model, root, host, signal: life }));
        return cleanup;
      },
    };
  };
}
