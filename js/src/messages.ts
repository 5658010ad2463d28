// The JSON half of the protocol. Ids of tracks, layers and slots are opaque: they are only ever sent back.

import { isRecord, text, whole } from "./guards";

export type Verb = "stop" | "restart" | "reanalyze" | "clear" | "refresh_stale" | "compute";

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

export type PlayheadVerb = "play" | "pause" | "seek" | "rate" | "loop" | "sync";

export interface PlayheadChange {
  time_s?: number;
  rate?: number;
  loop?: readonly [number, number] | null;
}

export interface PlayheadRequest extends PlayheadChange {
  kind: "playhead";
  id: number;
  verb: PlayheadVerb;
  /** The page has carried it out itself. */
  done?: boolean;
}

export interface PieceRequest {
  kind: "piece";
  id: number;
  key: string;
  index: number;
}

export interface SoundRequest {
  kind: "sound";
  id: number;
  verb: "hello" | "unreachable" | "unplayable";
  client: string;
  key: string;
}

/** `target` is a group or a job, or empty for everything; without `rows` all of it is meant. */
export interface CommandRequest {
  kind: "command";
  id: number;
  verb: string;
  target: string;
  rows?: string[];
}

/** Everything that is not as the calculator and the profile have it by default. */
export interface ExploreRequest {
  kind: "explore";
  id: number;
  calculator: string;
  params: Readonly<Record<string, unknown>>;
  profile: Readonly<Record<string, unknown>>;
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

export function playheadRequest(id: number, verb: PlayheadVerb, change: PlayheadChange, done = false): PlayheadRequest {
  return { kind: "playhead", id, verb, ...change, ...(done ? { done } : {}) };
}

export function pieceRequest(id: number, key: string, index: number): PieceRequest {
  return { kind: "piece", id, key, index };
}

export function soundRequest(id: number, verb: SoundRequest["verb"], client: string, key: string): SoundRequest {
  return { kind: "sound", id, verb, client, key };
}

export function commandRequest(id: number, verb: string, target: string, rows?: readonly string[]): CommandRequest {
  return { kind: "command", id, verb, target, ...(rows ? { rows: [...rows] } : {}) };
}

export function exploreRequest(
  id: number,
  calculator: string,
  params: ExploreRequest["params"],
  profile: ExploreRequest["profile"],
): ExploreRequest {
  return { kind: "explore", id, calculator, params, profile };
}

/** The kernel's word on a request, or null if this is no such message. */
export function parseReply(content: unknown): Reply | null {
  if (!isRecord(content) || (content.kind !== "done" && content.kind !== "refused")) return null;
  const id = whole(content.id, -1);
  return id < 0 ? null : { kind: content.kind, id, message: text(content.message) };
}
