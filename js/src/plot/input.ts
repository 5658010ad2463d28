// Wheel, pointer and keys of a plot, as commands.

import { clamp } from "../guards";
import { listen, Timer } from "../scope";

export interface Place {
  x: number;
  y: number;
}

export interface Commands {
  /** `factor` < 1 zooms in around `x`, CSS pixels from the left edge of the plot; the middle if null. */
  zoom(factor: number, x: number | null): void;
  /** By a share of what is visible. */
  pan(share: number): void;
  /** By CSS pixels, following a pointer. */
  drag(by_px: number): void;
  go(to: "start" | "end"): void;
  fit(): void;
  /** Where the pointer is, or null when it has left. */
  hover(at: { x: number; y: number } | null): void;
  /** Somebody pressed at a place and let go there. */
  click(x: number): void;
  /** Marks from one place to another, both in CSS pixels of the plot; `done` when the pointer goes up. */
  select(from: Place, to: Place, done: boolean): void;
  /** Whether dragging marks rather than moves. */
  readonly selecting: boolean;
  /** Marks from or up to the read-out. */
  mark(end: "start" | "end"): void;
  clearSelection(): void;
  zoomToSelection(): void;
  /** Sends the playhead to the read-out. */
  seekHere(): void;
  togglePlaying(): void;
  /** Moves the read-out by a share of what is visible. */
  step(share: number): void;
  leave(): void;
}

const LINE_PX = 16;
const PAGE_PX = 400;
const HINT_MS = 1600;
/** A hand is not quite still when it clicks. */
const STILL_PX = 4;

/** What a key does; null for keys that are not ours. */
export function keyCommand(event: KeyboardEvent, act: Commands): (() => void) | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  switch (event.key) {
    case "ArrowLeft":
      return () => (event.shiftKey ? act.step(-0.01) : act.pan(-0.1));
    case "ArrowRight":
      return () => (event.shiftKey ? act.step(0.01) : act.pan(0.1));
    case "PageUp":
      return () => act.pan(-0.9);
    case "PageDown":
      return () => act.pan(0.9);
    case "+":
    case "=":
    case "ArrowUp":
      return () => act.zoom(0.5, null);
    case "-":
    case "_":
    case "ArrowDown":
      return () => act.zoom(2, null);
    case "Home":
      return () => act.go("start");
    case "End":
      return () => act.go("end");
    case "0":
      return () => act.fit();
    case "[":
      return () => act.mark("start");
    case "]":
      return () => act.mark("end");
    case "Delete":
    case "Backspace":
      return () => act.clearSelection();
    case "z":
      return () => act.zoomToSelection();
    case "Enter":
      return () => act.seekHere();
    case " ":
      return () => act.togglePlaying();
    case "Escape":
      return () => act.leave();
    default:
      return null;
  }
}

/** Pixels a wheel event stands for, whatever unit it came in. */
export function wheelPixels(event: WheelEvent): { x: number; y: number } {
  const unit = event.deltaMode === 1 ? LINE_PX : event.deltaMode === 2 ? PAGE_PX : 1;
  return { x: event.deltaX * unit, y: event.deltaY * unit };
}

/**
 * Connects a plot. Scrolling the page stays scrolling the page until the plot has been clicked or focused;
 * with ctrl or cmd (which is also how a pinch arrives) the wheel zooms at any time.
 */
export function connect(plot: HTMLElement, hint: HTMLElement, act: Commands, signal: AbortSignal): void {
  const hideHint = new Timer(() => hint.classList.remove("acn-shown"), signal);
  const isActive = () => plot.contains(document.activeElement);
  const place = (event: MouseEvent) => {
    const box = plot.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  listen<WheelEvent>(
    plot,
    "wheel",
    (event) => {
      const { x, y } = wheelPixels(event);
      if (!isActive() && !event.ctrlKey && !event.metaKey) {
        if (Math.abs(y) < Math.abs(x)) return;
        hint.classList.add("acn-shown");
        hideHint.set(HINT_MS);
        return;
      }
      event.preventDefault();
      const sideways = event.shiftKey || Math.abs(x) > Math.abs(y);
      // A pinch comes in small steps, a wheel in steps of about a hundred pixels.
      const speed = event.ctrlKey && Math.abs(y) < 40 ? 0.01 : 0.0025;
      if (sideways) act.drag(-(Math.abs(x) > Math.abs(y) ? x : y));
      else act.zoom(clamp(Math.exp(y * speed), 0.25, 4), place(event).x);
    },
    signal,
    { passive: false },
  );

  let dragging: { id: number; x: number; from: Place; select: boolean; far: boolean } | null = null;
  listen<PointerEvent>(
    plot,
    "pointerdown",
    (event) => {
      if (event.button !== 0 || dragging || (event.target as Element).closest?.("button")) return;
      const select = act.selecting || event.shiftKey || event.altKey;
      dragging = { id: event.pointerId, x: event.clientX, from: place(event), select, far: false };
      plot.setPointerCapture?.(event.pointerId);
      plot.focus({ preventScroll: true });
    },
    signal,
  );
  listen<PointerEvent>(
    plot,
    "pointermove",
    (event) => {
      if (dragging?.id === event.pointerId) {
        const at = place(event);
        dragging.far ||= Math.hypot(at.x - dragging.from.x, at.y - dragging.from.y) >= STILL_PX;
        if (dragging.far && dragging.select) {
          plot.classList.add("acn-selecting");
          act.select(dragging.from, at, false);
        } else if (dragging.far && event.clientX !== dragging.x) {
          plot.classList.add("acn-dragging");
          act.drag(event.clientX - dragging.x);
          dragging.x = event.clientX;
        }
      }
      act.hover(place(event));
    },
    signal,
  );
  const end = (event: PointerEvent) => {
    if (dragging?.id !== event.pointerId) return;
    const { from, far, select } = dragging;
    dragging = null;
    plot.classList.remove("acn-dragging", "acn-selecting");
    if (event.type === "pointercancel") return;
    if (far && select) act.select(from, place(event), true);
    else if (!far) act.click(from.x);
  };
  listen<PointerEvent>(plot, "pointerup", end, signal);
  listen<PointerEvent>(plot, "pointercancel", end, signal);
  listen(plot, "pointerleave", () => act.hover(null), signal);
  listen(plot, "dblclick", () => act.fit(), signal);

  // JupyterLab takes keys on the document in the capture phase: "0 0" restarts the kernel, arrows change cells.
  // While the plot has the focus, its own keys are taken on the window, one step before.
  const onKey = (event: KeyboardEvent) => {
    if (event.target !== plot) return;
    const command = keyCommand(event, act);
    if (!command) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    command();
  };
  let focus: AbortController | null = null;
  const blur = () => {
    focus?.abort();
    focus = null;
  };
  listen(
    plot,
    "focus",
    () => {
      blur();
      focus = new AbortController();
      listen(window, "keydown", onKey, AbortSignal.any([focus.signal, signal]), { capture: true });
    },
    signal,
  );
  listen(plot, "blur", blur, signal);
}
