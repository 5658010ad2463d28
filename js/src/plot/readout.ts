// What a layer holds at a time, from the tiles at hand.

import { formatRange, formatValue } from "../format";
import { eventWords, nearestEvent } from "./events";
import type { TileSource } from "./extremes";
import type { Layer } from "./layer";
import { address, bucketAt } from "./pyramid";
import { rowAt, rowValue } from "./vertical";

const CHANNELS_MOST = 4;

/** The finest tile at hand from `level` upwards that holds a time, and the bucket in it. */
function locate(layer: Layer, level: number, time_s: number, get: TileSource) {
  for (let l = level; l < layer.levels; l++) {
    const bucket = bucketAt(layer, l, time_s);
    if (bucket < 0) return null;
    const tile = get(address(layer, l, Math.floor(bucket / layer.tile_buckets)));
    const offset = tile ? bucket - tile.start : -1;
    if (tile && offset >= 0 && offset < tile.buckets) return { tile, offset };
  }
  return null;
}

/** What a row stands for: its name or its value, and of frequencies the bins behind it. */
export function rowWords(layer: Layer, row: number): string {
  if (layer.y_names.length > 0) return layer.y_names[row];
  const value = rowValue(layer, row);
  if (layer.y_unit !== "Hz") return `${layer.y_unit} ${Number(value.toPrecision(6))}`;
  const first = row * layer.row_bins;
  const bins = layer.row_bins > 1 ? `bins ${first}–${first + layer.row_bins - 1}` : `bin ${first}`;
  return `${formatValue(value, "Hz")} · ${bins}`;
}

/**
 * Values of a layer at a time, in words.
 *
 * @param y on the vertical axis of an image; null for its loudest row
 */
export function readout(layer: Layer, level: number, time_s: number, y: number | null, get: TileSource): string {
  if (layer.kind === "events") return eventWords(layer, nearestEvent(layer, time_s, get));
  if (layer.kind === "text") return "";
  const found = locate(layer, level, time_s, get);
  if (!found || found.tile.dtype === "float64") return "";
  const { tile, offset } = found;
  if (tile.dtype === "uint8") {
    const line = tile.data.subarray(offset * tile.rows, (offset + 1) * tile.rows);
    let row = 0;
    if (y === null) for (let r = 1; r < line.length; r++) row = line[r] > line[row] ? r : row;
    else row = rowAt(layer, y);
    const value = layer.value_min + (line[row] / 255) * (layer.value_max - layer.value_min);
    return `${y === null ? "peak " : ""}${rowWords(layer, row)} · ${formatValue(value, layer.unit)}`;
  }
  const parts: string[] = [];
  const channels = Math.min(tile.channels, CHANNELS_MOST);
  for (let channel = 0; channel < channels; channel++) {
    const at = (offset * tile.channels + channel) * 2;
    const value = formatRange(tile.data[at], tile.data[at + 1], layer.units[channel] ?? layer.unit);
    const name = tile.channels > 1 ? layer.channels[channel] || `${channel + 1}` : "";
    parts.push(name ? `${name} ${value}` : value);
  }
  if (tile.channels > channels) parts.push("…");
  return parts.join("  ·  ");
}
