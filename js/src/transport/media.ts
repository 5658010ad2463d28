// What is to be heard, and how its bytes get into the page.

import { finite, list, num, record, text } from "../guards";
import type { Hub } from "../hub";
import { pieceRequest } from "../messages";
import { onAbort } from "../scope";

export const PIECE_BYTES = 256_000;
const IN_FLIGHT = 4;
const ANSWER_MS = 30_000;

export interface Media {
  key: string;
  way: "file" | "pieces" | "none";
  path: string[];
  mime: string;
  /** Timeline time at which `start_s` of the recording is heard. */
  offset_s: number;
  start_s: number;
  end_s: number;
  gain: number;
  reason: string;
  nbytes: number;
  head: string;
}

export function parseMedia(value: unknown): Media {
  const told = record(value);
  const way = told.way === "file" || told.way === "pieces" ? told.way : "none";
  return {
    key: text(told.key),
    way,
    path: list(told.path).map((part) => text(part)),
    mime: text(told.mime),
    offset_s: num(told.offset_s, 0),
    start_s: num(told.start_s, 0),
    end_s: num(told.end_s, 0),
    gain: Math.max(0, num(told.gain, 1)),
    reason: text(told.reason),
    nbytes: num(told.nbytes, 0),
    head: text(told.head),
  };
}

/** The kernel's server as this page reaches it, or null if this is no page of a Jupyter server. */
export function baseUrl(): string | null {
  let told: unknown = document.body.dataset.baseUrl;
  const config = document.getElementById("jupyter-config-data");
  if (!told && config) {
    try {
      told = record(JSON.parse(config.textContent ?? "")).baseUrl;
    } catch {
      return null;
    }
  }
  if (typeof told !== "string" || !told) return null;
  const url = new URL(told, window.location.origin);
  return url.origin === window.location.origin ? url.href.replace(/\/*$/, "/") : null;
}

const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** The address of a file on the server, if the server really has that very file and hands out parts of it. */
export async function fileUrl(media: Media, signal: AbortSignal): Promise<string | null> {
  const base = baseUrl();
  if (!base || !media.head || media.path.some((part) => part === "" || part === "." || part === "..")) return null;
  const url = `${base}files/${media.path.map(encodeURIComponent).join("/")}`;
  const giveUp = new AbortController();
  onAbort(signal, () => giveUp.abort());
  try {
    const answer = await fetch(url, {
      headers: { Range: `bytes=0-${media.head.length / 2 - 1}` },
      credentials: "same-origin",
      signal: giveUp.signal,
    });
    const total = /\/(\d+)$/.exec(answer.headers.get("Content-Range") ?? "")?.[1];
    const same = answer.status === 206 && Number(total) === media.nbytes;
    return same && hex(new Uint8Array(await answer.arrayBuffer())) === media.head ? url : null;
  } catch {
    return null;
  } finally {
    giveUp.abort();
  }
}

/** Fetches a recording from the kernel, piece by piece. */
export function fetchPieces(
  media: Media,
  hub: Hub,
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const waiting = new Map<number, number>();
  let total = 0;
  let received = 0;
  let next = 0;
  return new Promise((resolve, reject) => {
    const done = new AbortController();
    const end = (finish: () => void) => {
      clearTimeout(patience);
      done.abort();
      finish();
    };
    const fail = (reason: string) => end(() => reject(new Error(reason)));
    let patience: ReturnType<typeof setTimeout>;
    const wait = () => {
      clearTimeout(patience);
      patience = setTimeout(() => fail("The kernel does not answer."), ANSWER_MS);
    };
    onAbort(signal, () => end(() => reject(new DOMException("", "AbortError"))));
    const ask = () => {
      // The first answer tells how many there are.
      while (waiting.size < (total > 0 ? IN_FLIGHT : 1) && (next === 0 || next * PIECE_BYTES < total)) {
        const id = hub.nextId();
        waiting.set(id, next);
        if (!hub.post(pieceRequest(id, media.key, next++))) {
          fail("The kernel is gone.");
          return;
        }
      }
    };
    hub.onKind(
      "piece",
      (content, bytes) => {
        const index = waiting.get(num(content.id, -1));
        if (index === undefined || content.key !== media.key || !bytes) return;
        waiting.delete(num(content.id, -1));
        total = finite(content.nbytes) ?? 0;
        const expected = Math.min(PIECE_BYTES, total - index * PIECE_BYTES);
        if (bytes.byteLength !== expected) {
          fail("The kernel sent something else than a piece of the recording.");
          return;
        }
        parts[index] = bytes.slice();
        received += bytes.byteLength;
        progress(received / total);
        if (received === total) end(() => resolve(new Blob(parts, { type: media.mime })));
        else {
          wait();
          ask();
        }
      },
      done.signal,
    );
    hub.onReply((reply) => {
      if (reply.kind === "refused" && waiting.has(reply.id)) fail(reply.message);
    }, done.signal);
    wait();
    ask();
  });
}
