// What comes from the kernel is checked here once, so that the views may trust their numbers and strings.

export type Json = Record<string, unknown>;

export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function record(value: unknown): Json {
  return isRecord(value) ? value : {};
}

/** A finite number, or null for NaN, infinities, null and everything that is not a number. */
export function finite(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function num(value: unknown, fallback: number): number {
  return finite(value) ?? fallback;
}

/** A whole number of at least `least`; `fallback` if it is none. */
export function whole(value: unknown, fallback: number, least = 0): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= least ? value : fallback;
}

export function text(value: unknown, fallback = ""): string {
  return typeof value === "string" ? value : fallback;
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

/** The bytes of a buffer, in whatever form the host delivers it; null if it is none. */
export function bytesOf(buffer: unknown): Uint8Array | null {
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer);
  if (ArrayBuffer.isView(buffer)) return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  return null;
}
