import type { Transport } from "@penstock/rpc";

/** Knows which address a call that failed was made to, where there are more than one. */
export class CalledAddresses {
  readonly #byError = new WeakMap<object, string>();

  /** The same transport; what its calls throw is noted with the address. */
  follow(inner: Transport, address: string): Transport {
    const note = (thrown: unknown): unknown => {
      if (typeof thrown === "object" && thrown !== null) this.#byError.set(thrown, address);
      return thrown;
    };
    return {
      unary: async (...call) => {
        try {
          return await inner.unary(...call);
        } catch (thrown) {
          throw note(thrown);
        }
      },
      stream: async (...call) => {
        try {
          const response = await inner.stream(...call);
          return { ...response, message: noting(response.message, note) };
        } catch (thrown) {
          throw note(thrown);
        }
      },
    };
  }

  /** The address of the call that threw it; undefined when no call did. */
  of(thrown: unknown): string | undefined {
    return typeof thrown === "object" && thrown !== null ? this.#byError.get(thrown) : undefined;
  }
}

async function* noting<Item>(
  messages: AsyncIterable<Item>,
  note: (thrown: unknown) => unknown,
): AsyncGenerator<Item> {
  try {
    yield* messages;
  } catch (thrown) {
    throw note(thrown);
  }
}
