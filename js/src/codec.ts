// Tile messages: a JSON header and one buffer of little-endian values in C order.

import { bytesOf, isRecord, list, whole } from "./guards";
import type { Bytes } from "./host";
import type { TileAddress } from "./messages";

interface TileHeader extends TileAddress {
  id: number;
  /** First bucket held, counted in buckets of this tile's level. */
  start: number;
  buckets: number;
}

/** Minimum and maximum per bucket and channel. */
export interface RangeTile extends TileHeader {
  dtype: "float32";
  channels: number;
  data: Float32Array;
}

/** One byte per bucket and row. */
export interface ImageTile extends TileHeader {
  dtype: "uint8";
  rows: number;
  data: Uint8Array;
}

/** One row per event; the first field is its time in the recording. */
export interface EventTile extends TileHeader {
  dtype: "float64";
  fields: number;
  data: Float64Array;
}

export type Tile = RangeTile | ImageTile | EventTile;

export function floats(bytes: Uint8Array): Float32Array {
  // A message's buffer may start anywhere in a larger one; a Float32Array has to start on a multiple of four.
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}

/** The tile in a message, or null if anything about it is wrong. */
export function decodeTile(content: unknown, buffers: readonly Bytes[] | undefined): Tile | null {
  if (!isRecord(content) || content.kind !== "tile" || typeof content.layer !== "string") return null;
  const bytes = bytesOf(buffers?.[0]);
  const shape = list(content.shape).map((size) => whole(size, -1));
  const header: TileHeader = {
    layer: content.layer,
    id: whole(content.id, -1),
    revision: whole(content.revision, -1),
    level: whole(content.level, -1),
    index: whole(content.index, -1),
    start: whole(content.start_bucket, -1),
    buckets: shape[0] ?? -1,
  };
  const { id, revision, level, index, start, buckets } = header;
  if (!bytes || Math.min(id, revision, level, index, start) < 0 || buckets < 1) return null;
  const count = shape.reduce((product, size) => product * size, 1);
  if (content.dtype === "float32" && shape.length === 3 && shape[1] >= 1 && shape[2] === 2) {
    if (bytes.byteLength !== count * 4) return null;
    return { ...header, dtype: "float32", channels: shape[1], data: floats(bytes) };
  }
  if (content.dtype === "uint8" && shape.length === 2 && shape[1] >= 1) {
    if (bytes.byteLength !== count) return null;
    return { ...header, dtype: "uint8", rows: shape[1], data: bytes };
  }
  if (content.dtype === "float64" && shape.length === 2 && shape[1] >= 1) {
    if (bytes.byteLength !== count * 8) return null;
    const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
    const data = new Float64Array(aligned.buffer, aligned.byteOffset, count);
    return { ...header, dtype: "float64", fields: shape[1], data };
  }
  return null;
}
