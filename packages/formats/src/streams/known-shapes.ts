import type { EventShape } from "./event-shape.ts";

/** Blocks that grow side by side have a shape each. */
const maxShapes = 8;
/** A stream that goes on to change its shape is parsed. */
const maxLearned = 64;

/** The shapes of the last events of one stream, latest match first. */
export class KnownShapes<Meaning> {
  readonly #shapes: EventShape<Meaning>[] = [];
  #learned = 0;

  /** Whether a further one would be of use. */
  get learns(): boolean {
    return this.#learned < maxLearned;
  }

  add(shape: EventShape<Meaning>): void {
    this.#learned += 1;
    if (this.#shapes.length === maxShapes) this.#shapes.pop();
    this.#shapes.unshift(shape);
  }

  /** The shape of the event at `at`, which holds what was found; undefined: it must be parsed. */
  match(text: string, at: number): EventShape<Meaning> | undefined {
    const shapes = this.#shapes;
    for (let index = 0; index < shapes.length; index += 1) {
      const shape = shapes[index] as EventShape<Meaning>;
      if (!shape.match(text, at)) continue;
      if (index > 0) {
        shapes.splice(index, 1);
        shapes.unshift(shape);
      }
      return shape;
    }
    return undefined;
  }
}
