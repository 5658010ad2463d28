// The JSON half of the protocol. Ids of tracks, layers and slots are opaque: they are only ever sent back.

import { isRecord, text, whole } from "./guards";

export type Verb = "stop" | "restart" | "reanalyze" | "clear";

export interface TileAddress {
  layer: string;
  revision: number;
  level: number;
  index: number;
}

export interface TileRequest extends TileAddress {
  kind: "tile";
  id: number;
}

export interface ActionRequest {
  kind: "action";
  id: number;
  verb: Verb;
  track_id: string;
  slots?: string[];
}

export interface Reply {
  kind: "done" | "refused";
  id: number;
  message: string;
}

export function tileRequest(id: number, { layer, level, index, revision }: TileAddress): TileRequest {
  return { kind: "tile", id, layer, level, index, revision };
}

export function actionRequest(id: number, verb: Verb, track_id: string, slots?: readonly string[]): ActionRequest {
  const request: ActionRequest = { kind: "action", id, verb, track_id };
  if (slots) request.slots = [...slots];
  return request;
}

/** The kernel's word on a request, or null if this is no such message. */
export function parseReply(content: unknown): Reply | null {
  if (!isRecord(content) || (content.kind !== "done" && content.kind !== "refused")) return null;
  const id = whole(content.id, -1);
  return id < 0 ? null : { kind: content.kind, id, message: text(content.message) };
}
