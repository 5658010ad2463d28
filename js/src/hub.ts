// The one place per model where custom messages arrive; views of the model subscribe here.

import { decodeTile, type Tile } from "./codec";
import { bytesOf, isRecord, type Json } from "./guards";
import type { Bytes, Model } from "./host";
import { parseReply, type Reply } from "./messages";
import { onAbort, onModel } from "./scope";

type TileHandler = (tile: Tile) => void;
type ReplyHandler = (reply: Reply, content: unknown) => void;
type MessageHandler = (content: Json, bytes: Uint8Array | null) => void;

// Two pages on one kernel hear each other's replies: starting anywhere keeps their ids apart.
const randomId = () => 1 + Math.floor(Math.random() * 2 ** 30);

export class Hub {
  /** Messages that were not understood. */
  malformed = 0;
  readonly #tiles = new Set<TileHandler>();
  readonly #replies = new Set<ReplyHandler>();
  readonly #others = new Map<string, Set<MessageHandler>>();
  #nextId: number;

  constructor(
    readonly model: Model,
    readonly signal: AbortSignal,
    firstId = randomId(),
  ) {
    this.#nextId = firstId;
    onModel(model, "msg:custom", (content, buffers) => this.#receive(content, buffers as Bytes[]), signal);
  }

  onTile(handler: TileHandler, signal: AbortSignal): void {
    this.#tiles.add(handler);
    onAbort(signal, () => this.#tiles.delete(handler));
  }

  onReply(handler: ReplyHandler, signal: AbortSignal): void {
    this.#replies.add(handler);
    onAbort(signal, () => this.#replies.delete(handler));
  }

  /** Where the playhead is, as an answer. */
  onPlayhead(handler: (answer: Json) => void, signal: AbortSignal): void {
    this.onKind("playhead", handler, signal);
  }

  /** Messages of another kind, as they are; whoever listens checks them. */
  onKind(kind: string, handler: MessageHandler, signal: AbortSignal): void {
    const handlers = this.#others.get(kind) ?? new Set();
    this.#others.set(kind, handlers.add(handler));
    onAbort(signal, () => handlers.delete(handler));
  }

  nextId(): number {
    return this.#nextId++;
  }

  /** Whether the message left for the kernel. */
  post(message: object): boolean {
    try {
      this.model.send(message);
      return true;
    } catch {
      return false;
    }
  }

  #receive(content: unknown, buffers: Bytes[]): void {
    const reply = parseReply(content);
    if (reply) {
      for (const handler of [...this.#replies]) handler(reply, content);
      return;
    }
    const others = isRecord(content) ? this.#others.get(String(content.kind)) : undefined;
    if (others && isRecord(content)) {
      for (const handler of [...others]) handler(content, bytesOf(buffers?.[0]));
      return;
    }
    const tile = decodeTile(content, buffers);
    if (!tile) {
      this.malformed++;
      return;
    }
    for (const handler of [...this.#tiles]) handler(tile);
  }
}
