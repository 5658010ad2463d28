// What is shown instead of a view that broke.

import { make } from "./dom";

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

export function showError(root: HTMLElement, error: unknown): void {
  console.error("audiocache_nb:", error);
  root.replaceChildren(
    make("div", "acn-error", { role: "alert" }, `This view could not be shown: ${errorText(error)}`),
  );
}

/** Runs one step of a view; if it throws, the error takes the place of the view. */
export function guard(root: HTMLElement, step: () => void): void {
  try {
    step();
  } catch (error) {
    showError(root, error);
  }
}
