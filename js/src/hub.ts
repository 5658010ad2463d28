// The one place per model where custom messages arrive; views of the model subscribe here.

import { decodeTile, type Tile } from "./codec";
import type { Bytes, Model } from "./host";
import { parseReply, type Reply } from "./messages";
import { onAbort, onModel } from "./scope";

type TileHandler = (tile: Tile) => void;
type ReplyHandler = (reply: Reply) => void;

// Two pages on one kernel hear each other's replies: starting anywhere keeps their ids apart.
const randomId = () => 1 + Math.floor(Math.random() * 2 ** 30);

export class Hub {
  /** Messages that were not understood. */
  malformed = 0;
  readonly #tiles = new Set<TileHandler>();
  readonly #replies = new Set<ReplyHandler>();
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
      for (const handler of [...this.#replies]) handler(reply);
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
