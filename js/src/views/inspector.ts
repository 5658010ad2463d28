import { Hub } from "../hub";
import { renderInspector } from "../inspector/inspector";
import { widgetOf } from "../mount";

export default widgetOf((model, life) => {
  const hub = new Hub(model, life);
  return ({ model, root, signal }) => renderInspector(model, hub, root, signal);
});
