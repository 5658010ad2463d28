// Plots of one session on one page move together, without the kernel. Hosts load the bundle once per widget, so what
// the plots share hangs on the window under a registered symbol.

import { type Span, sameSpan } from "./span";

const REGISTRY = Symbol.for("audiocache_nb.views.1");

export interface Member {
  /** What it could show: from where to where there is something. */
  readonly extent: Span;
  /** Another one has moved. */
  follow(span: Span): void;
  /** There is more, or less, to be seen together. */
  stretch(): void;
}

export class Group {
  readonly #members = new Set<Member>();
  /** Where the group is; null as long as nobody has been anywhere. */
  span: Span | null = null;

  get size(): number {
    return this.#members.size;
  }

  /** The whole that all members together have. */
  extent(): Span {
    const extents = [...this.#members].map((member) => member.extent);
    return [Math.min(...extents.map(([start_s]) => start_s)), Math.max(...extents.map(([, end_s]) => end_s))];
  }

  join(member: Member): void {
    this.#members.add(member);
    this.stretch(member);
  }

  leave(member: Member): void {
    if (!this.#members.delete(member)) return;
    if (this.#members.size === 0) this.span = null;
    this.stretch(member);
  }

  move(mover: Member, span: Span): void {
    if (this.span && sameSpan(span, this.span)) return;
    this.span = span;
    for (const member of [...this.#members]) if (member !== mover) member.follow(span);
  }

  stretch(changed: Member): void {
    for (const member of [...this.#members]) if (member !== changed) member.stretch();
  }
}

/** The linked plots of a session in this page, by the session's name. */
export function groupOf(name: string): Group {
  const page = window as unknown as Record<symbol, Map<string, Group> | undefined>;
  page[REGISTRY] ??= new Map();
  const found = page[REGISTRY].get(name) ?? new Group();
  page[REGISTRY].set(name, found);
  return found;
}
