const absent = Symbol("absent");

/** A few changes may be kept beside a shared base: about the square root of its size. */
const smallestLayer = 64;

/**
 * An immutable map of which a changed copy is cheap: copies share a base and hold their own few
 * changes. Reading costs one or two look-ups; a change costs about the square root of the size.
 */
export class LayeredMap<Value> implements ReadonlyMap<string, Value> {
  readonly #base: ReadonlyMap<string, Value>;
  readonly #layer: ReadonlyMap<string, Value | typeof absent>;
  readonly size: number;

  private constructor(
    base: ReadonlyMap<string, Value>,
    layer: ReadonlyMap<string, Value | typeof absent>,
    size: number,
  ) {
    this.#base = base;
    this.#layer = layer;
    this.size = size;
  }

  /** The map without entries. */
  static empty<Value>(): LayeredMap<Value> {
    return new LayeredMap<Value>(new Map(), new Map(), 0);
  }

  get(key: string): Value | undefined {
    const own = this.#layer.get(key);
    if (own !== undefined) return own === absent ? undefined : own;
    return this.#base.get(key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  /** A copy with these changes; undefined deletes. The same map when there are none. */
  with(changes: ReadonlyMap<string, Value | undefined>): LayeredMap<Value> {
    if (changes.size === 0) return this;
    const layer = new Map(this.#layer);
    let size = this.size;
    for (const [key, value] of changes) {
      const had = this.has(key);
      if (value !== undefined && !had) size += 1;
      if (value === undefined && had) size -= 1;
      layer.set(key, value ?? absent);
    }
    if (layer.size <= Math.max(smallestLayer, 2 * Math.sqrt(this.#base.size))) {
      return new LayeredMap(this.#base, layer, size);
    }
    const base = new Map(this.#base);
    for (const [key, value] of layer) {
      if (value === absent) base.delete(key);
      else base.set(key, value);
    }
    return new LayeredMap<Value>(base, new Map(), size);
  }

  *entries(): MapIterator<[string, Value]> {
    for (const entry of this.#base) {
      if (!this.#layer.has(entry[0])) yield entry;
    }
    for (const [key, value] of this.#layer) {
      if (value !== absent) yield [key, value];
    }
  }

  *keys(): MapIterator<string> {
    for (const [key] of this.entries()) yield key;
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

/** One entry of a map before and after; undefined: it was or is not there. */
export interface Difference<Value> {
  readonly key: string;
  readonly before: Value | undefined;
  readonly after: Value | undefined;
}

/** Changes of a layered map, visible at once to whoever reads through the draft. */
export class MapDraft<Value> {
  readonly source: LayeredMap<Value>;
  readonly #changes = new Map<string, Value | undefined>();

  constructor(source: LayeredMap<Value>) {
    this.source = source;
  }

  get(key: string): Value | undefined {
    if (this.#changes.has(key)) return this.#changes.get(key);
    return this.source.get(key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  /** Sets a value; undefined deletes. */
  set(key: string, value: Value | undefined): void {
    if (value !== undefined || this.has(key)) this.#changes.set(key, value);
  }

  /** Every entry as it is now. */
  *entries(): Generator<[string, Value]> {
    for (const entry of this.source) {
      if (!this.#changes.has(entry[0])) yield entry;
    }
    for (const [key, value] of this.#changes) {
      if (value !== undefined) yield [key, value];
    }
  }

  /** What was set: each name with its value before and now. */
  *differences(): Generator<Difference<Value>> {
    for (const [key, after] of this.#changes) yield { key, before: this.source.get(key), after };
  }

  /** The changed map; the source itself when nothing changed. */
  finish(): LayeredMap<Value> {
    return this.source.with(this.#changes);
  }
}
