import { renderBadge } from "../badge";
import { widgetOf } from "../mount";

export default widgetOf(
  () =>
    ({ model, root, signal }) =>
      renderBadge(model, root, signal),
);
