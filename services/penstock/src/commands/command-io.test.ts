import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import { processIo } from "./command-io.ts";

class Stream extends EventEmitter {
  write(): void {}
}

const closed = (code: string): Error => Object.assign(new Error(code), { code });

it("asks once for an end when nobody reads the output any more", () => {
  const [output, talk] = [new Stream(), new Stream()];
  const io = processIo(output, talk);
  let ends = 0;
  io.whenOutputCloses?.(() => (ends += 1));
  talk.emit("error", closed("EPIPE"));
  expect(ends).toBe(1);
  talk.emit("error", closed("EPIPE"));
  output.emit("error", closed("ERR_STREAM_DESTROYED"));
  expect(ends).toBe(1);
  expect(() => output.emit("error", closed("ENOSPC"))).toThrow("ENOSPC");
});
