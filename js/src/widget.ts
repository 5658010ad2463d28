// Entry point of all widgets: one module, dispatching on the trait `view`.

import { renderBadge } from "./badge";
import { Book } from "./diagnostics/book";
import { renderDiagnostics } from "./diagnostics/diagnostics";
import { make } from "./dom";
import { guard } from "./errorbox";
import { renderExplorer } from "./explorer/explorer";
import { text } from "./guards";
import type { Host, InitializeProps, Model, RenderProps } from "./host";
import { Hub } from "./hub";
import { renderInspector } from "./inspector/inspector";
import { renderPanel } from "./panel/panel";
import { renderPlot } from "./plot/plot";
import { TileStore } from "./plot/tiles";
import { onAbort } from "./scope";
import { createTransport, type TransportModel } from "./transport/transport";
import { renderWorkbench } from "./workbench";

/** What all views of one model share. */
class Shared {
  readonly hub: Hub;
  #book: Book | undefined;
  #tiles: TileStore | undefined;
  #transport: TransportModel | undefined;

  constructor(
    readonly model: Model,
    readonly signal: AbortSignal,
  ) {
    this.hub = new Hub(model, signal);
    // From the start: whoever comes later has missed what changed before.
    if (text(model.get("view")) === "diagnostics") this.#book = new Book(model, this.hub, signal);
  }

  get book(): Book {
    this.#book ??= new Book(this.model, this.hub, this.signal);
    return this.#book;
  }

  /** One sound per model, however often it is shown. */
  get transport(): TransportModel {
    this.#transport ??= createTransport(this.model, this.hub, this.signal);
    return this.#transport;
  }

  get tiles(): TileStore {
    this.#tiles ??= new TileStore(this.hub, this.signal);
    return this.#tiles;
  }
}

function draw(model: Model, shared: Shared, host: Host | undefined, root: HTMLElement, signal: AbortSignal): void {
  const view = text(model.get("view"));
  if (view === "badge") renderBadge(model, root, signal);
  else if (view === "panel") renderPanel(model, shared.hub, root, signal);
  else if (view === "diagnostics") renderDiagnostics(model, shared.hub, shared.book, root, signal);
  else if (view === "explorer") renderExplorer(model, shared.hub, host, root, signal);
  else if (view === "plot") renderPlot(model, shared.tiles, root, signal);
  else if (view === "transport") shared.transport.render(model, root, signal);
  else if (view === "inspector") renderInspector(model, shared.hub, root, signal);
  else if (view === "workbench") renderWorkbench(model, host, root, signal);
  else throw new Error(`there is no view called "${view.slice(0, 40)}"`);
}

/**
 * Hosts call this once per model, which is what gives the views of a model something to share: the model
 * objects that `initialize` and `render` receive are not the same.
 */
export default function widget() {
  let shared: Shared | undefined;

  /** Hosts that predate `signal` use the returned function to clean up instead. */
  const own = (signal: AbortSignal | undefined): [AbortSignal, (() => void) | undefined] => {
    if (signal) return [signal, undefined];
    const controller = new AbortController();
    return [controller.signal, () => controller.abort()];
  };

  const share = (model: Model, signal: AbortSignal): Shared => {
    const created = new Shared(model, signal);
    shared = created;
    onAbort(signal, () => {
      if (shared === created) shared = undefined;
    });
    return created;
  };

  return {
    initialize({ model, signal }: InitializeProps) {
      const [life, cleanup] = own(signal);
      share(model, life);
      return cleanup;
    },

    render({ model, el, host, signal }: RenderProps) {
      const [life, cleanup] = own(signal);
      const root = make("div", "acn-root");
      el.append(root);
      onAbort(life, () => root.remove());
      guard(root, () => draw(model, shared ?? share(model, life), host, root, life));
      return cleanup;
    },
  };
}
