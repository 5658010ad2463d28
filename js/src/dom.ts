// Small helpers around the DOM. Text only ever enters through textContent.

const SVG = "http://www.w3.org/2000/svg";

type Attributes = Readonly<Record<string, string>>;

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * Keeps JupyterLab's shortcuts, which act on the notebook's cells, from what is within an element. The arrow keys
 * have to be kept from the very element that has the focus.
 */
export const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };

/** An icon of one path on a 16 by 16 grid; decoration, so hidden from screen readers. */
export function icon(path: string, className = "acn-icon"): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS(SVG, "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

// Writing only what differs keeps selections, focus and screen readers undisturbed.

export function setText(element: Element, value: string): void {
  if (element.textContent !== value) element.textContent = value;
}

export function setAttribute(element: Element, name: string, value: string | null): void {
  if (value === null) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

export function setHidden(element: HTMLElement, hidden: boolean): void {
  if (element.hidden !== hidden) element.hidden = hidden;
}

let lastId = 0;

/** An id for aria references that no other element of the page has. */
export function freshId(): string {
  lastId++;
  return `acn-${lastId.toString(36)}-${Math.floor(Math.random() * 2 ** 32).toString(36)}`;
}

export interface Part<T> {
  element: HTMLElement;
  update(item: T): void;
  /** Called when the item has gone. */
  remove?(): void;
}

/** Keeps a list of elements in step with a list of items, without touching what stays as it is. */
export class KeyedList<T, P extends Part<T>> {
  readonly parts = new Map<string, P>();

  constructor(
    readonly parent: HTMLElement,
    readonly keyOf: (item: T) => string,
    readonly create: (item: T) => P,
  ) {}

  update(items: readonly T[]): void {
    const wanted = new Map<string, T>();
    for (const item of items) {
      let key = this.keyOf(item);
      // Two items of one key are shown twice rather than lost.
      while (wanted.has(key)) key += "'";
      wanted.set(key, item);
    }
    for (const [key, part] of this.parts) {
      if (wanted.has(key)) continue;
      part.element.remove();
      part.remove?.();
      this.parts.delete(key);
    }
    let next: Element | null = this.parent.firstElementChild;
    for (const [key, item] of wanted) {
      let part = this.parts.get(key);
      if (!part) {
        part = this.create(item);
        this.parts.set(key, part);
      }
      part.update(item);
      if (part.element === next) next = next.nextElementSibling;
      else this.parent.insertBefore(part.element, next);
    }
  }
}
