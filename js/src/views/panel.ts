import { Hub } from "../hub";
import { widgetOf } from "../mount";
import { renderPanel } from "../panel/panel";

export default widgetOf((model, life) => {
  const hub = new Hub(model, life);
  return ({ model, root, signal }) => renderPanel(model, hub, root, signal);
});
