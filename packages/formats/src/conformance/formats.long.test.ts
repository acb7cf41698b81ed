import { describe, expect, it } from "vitest";
import { formats } from "../formats.ts";
import { documentedStreams } from "./documented-streams.fixture.ts";
import { contentOf, endsOf, readStream } from "./read-outcome.fixture.ts";

describe.each(Object.values(formats))("$name", (format) => {
  it.each(documentedStreams[format.name])(
    "$name: an error or the same answer at every prefix",
    ({ value: bytes }) => {
      const whole = contentOf(readStream(format, [bytes]));
      for (let length = 0; length < bytes.length; length += 1) {
        const prefix = readStream(format, [bytes.subarray(0, length)]);
        expect(endsOf(prefix), `${length} bytes`).toEqual({ ends: 1, late: 0 });
        if (prefix.end !== undefined) expect(contentOf(prefix)).toEqual(whole);
      }
    },
  );
});
