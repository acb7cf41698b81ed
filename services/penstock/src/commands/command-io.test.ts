import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import { processIo } from "./command-io.ts";

class Stream extends EventEmitter {
  text = "";

  write(text: string): void {
    this.text += text;
  }
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
});

it.each([
  ["EPIPE", 0, ""],
  ["ENOSPC", 1, "penstock: the output can't be written: ENOSPC\n"],
])("ends once after %s with code %i", (code, exitCode, said) => {
  const [output, talk] = [new Stream(), new Stream()];
  const codes: number[] = [];
  processIo(output, talk, (one) => void codes.push(one));
  output.emit("error", closed(code));
  talk.emit("error", closed(code));
  expect([codes, talk.text]).toEqual([[exitCode], said]);
});
