import { renderExplorer } from "../explorer/explorer";
import { Hub } from "../hub";
import { widgetOf } from "../mount";

export default widgetOf((model, life) => {
  const hub = new Hub(model, life);
  return ({ model, host, root, signal }) => renderExplorer(model, hub, host, root, signal);
});
