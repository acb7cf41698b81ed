/** Several maps without common keys, read as one. */
export class JoinedMap<Value> implements ReadonlyMap<string, Value> {
  readonly #parts: readonly ReadonlyMap<string, Value>[];
  readonly #partOf: (key: string) => ReadonlyMap<string, Value> | undefined;

  /** `partOf` finds the map that a key would be in. */
  constructor(
    parts: readonly ReadonlyMap<string, Value>[],
    partOf: (key: string) => ReadonlyMap<string, Value> | undefined,
  ) {
    this.#parts = parts;
    this.#partOf = partOf;
  }

  get size(): number {
    return this.#parts.reduce((sum, part) => sum + part.size, 0);
  }

  get(key: string): Value | undefined {
    return this.#partOf(key)?.get(key);
  }

  has(key: string): boolean {
    return this.#partOf(key)?.has(key) ?? false;
  }

  *entries(): MapIterator<[string, Value]> {
    for (const part of this.#parts) yield* part.entries();
  }

  *keys(): MapIterator<string> {
    for (const part of this.#parts) yield* part.keys();
  }

  *values(): MapIterator<Value> {
    for (const part of this.#parts) yield* part.values();
  }

  [Symbol.iterator](): MapIterator<[string, Value]> {
    return this.entries();
  }

  forEach(run: (value: Value, key: string, map: ReadonlyMap<string, Value>) => void): void {
    for (const [key, value] of this.entries()) run(value, key, this);
  }
}
