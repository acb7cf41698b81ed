/**
 * A readonly map whose values are computed from those of another map when first asked for, and
 * kept. A new one costs nothing, however many entries it has.
 */
export class DerivedMap<Seed, Value> implements ReadonlyMap<string, Value> {
  readonly #seeds: ReadonlyMap<string, Seed>;
  readonly #derive: (seed: Seed) => Value;
  readonly #kept = new Map<string, Value>();

  constructor(seeds: ReadonlyMap<string, Seed>, derive: (seed: Seed) => Value) {
    this.#seeds = seeds;
    this.#derive = derive;
  }

  get size(): number {
    return this.#seeds.size;
  }

  get(key: string): Value | undefined {
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const seed = this.#seeds.get(key);
    if (seed === undefined) return undefined;
    const value = this.#derive(seed);
    this.#kept.set(key, value);
    return value;
  }

  has(key: string): boolean {
    return this.#seeds.has(key);
  }

  keys(): MapIterator<string> {
    return this.#seeds.keys();
  }

  *entries(): MapIterator<[string, Value]> {
    for (const key of this.#seeds.keys()) {
      const value = this.get(key);
      if (value !== undefined) yield [key, value];
    }
  }

  *values(): MapIterator<Value> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): MapIterator<[string, Value]> {
    return this.entries();
  }

  forEach(run: (value: Value, key: string, map: ReadonlyMap<string, Value>) => void): void {
    for (const [key, value] of this.entries()) run(value, key, this);
  }
}
