import { Book } from "../diagnostics/book";
import { renderDiagnostics } from "../diagnostics/diagnostics";
import { Hub } from "../hub";
import { widgetOf } from "../mount";

export default widgetOf((model, life) => {
  const hub = new Hub(model, life);
  const book = new Book(model, hub, life); // from the start: whoever comes later has missed what changed before
  return ({ model, root, signal }) => renderDiagnostics(model, hub, book, root, signal);
});
