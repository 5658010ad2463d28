import { widgetOf } from "../mount";
import { renderWorkbench } from "../workbench";

export default widgetOf(
  () =>
    ({ model, host, root, signal }) =>
      renderWorkbench(model, host, root, signal),
);
