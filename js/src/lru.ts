// A map that forgets what was not used for longest.

export class Lru<V> {
  readonly #entries = new Map<string, V>();

  constructor(public limit: number) {}

  get size(): number {
    return this.#entries.size;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** Looks a value up and marks it as just used. */
  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, value);
    }
    return value;
  }

  set(key: string, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    while (this.#entries.size > this.limit) {
      const oldest = this.#entries.keys().next();
      if (oldest.done) return;
      this.#entries.delete(oldest.value);
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  deleteWhere(unwanted: (value: V) => boolean): void {
    for (const [key, value] of this.#entries) {
      if (unwanted(value)) this.#entries.delete(key);
    }
  }
}
