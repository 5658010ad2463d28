import { afterEach, expect, it, vi } from "vitest";
import { Theme } from "../src/theme";

afterEach(() => {
  document.body.replaceChildren();
  delete document.body.dataset.jpThemeLight;
});

/** A style sheet of one colour, which is known only to elements in the page. */
function paint(colour: string): void {
  vi.spyOn(globalThis, "getComputedStyle").mockImplementation((element) =>
    element.isConnected
      ? ({ color: colour, fontFamily: "Test Sans" } as CSSStyleDeclaration)
      : ({ color: "", fontFamily: "" } as CSSStyleDeclaration),
  );
}

it("reads colours when they can be read, and again when the page changes its theme", async () => {
  const controller = new AbortController();
  const root = document.createElement("div");
  const changed = vi.fn();
  paint("rgb(1, 2, 3)");
  const theme = new Theme(root, changed, controller.signal);
  expect(theme.colours.c0).toBe("gray");
  document.body.append(root);
  theme.refresh();
  expect(theme.colours.c0).toBe("rgb(1, 2, 3)");
  expect(theme.font).toBe("Test Sans");
  expect(changed).toHaveBeenCalledTimes(1);
  paint("rgb(9, 9, 9)");
  document.body.dataset.jpThemeLight = "false";
  await vi.waitFor(() => expect(theme.colours.fg).toBe("rgb(9, 9, 9)"));
  expect(changed).toHaveBeenCalledTimes(2);
  document.body.dataset.jpThemeLight = "true";
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(changed).toHaveBeenCalledTimes(2);
  controller.abort();
  paint("rgb(5, 5, 5)");
  document.body.dataset.jpThemeLight = "false";
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(theme.colours.fg).toBe("rgb(9, 9, 9)");
});
