import { Hub } from "../hub";
import { widgetOf } from "../mount";
import { createTransport, type TransportModel } from "../transport/transport";

export default widgetOf((model, life) => {
  const hub = new Hub(model, life);
  let sound: TransportModel | undefined; // one per model, however often it is shown, and none before
  return ({ model, root, signal }) => {
    sound ??= createTransport(model, hub, life);
    sound.render(model, root, signal);
  };
});
