import { Hub } from "../hub";
import { widgetOf } from "../mount";
import { renderPlot } from "../plot/plot";
import { TileStore } from "../plot/tiles";

export default widgetOf((model, life) => {
  const tiles = new TileStore(new Hub(model, life), life);
  return ({ model, root, signal }) => renderPlot(model, tiles, root, signal);
});
