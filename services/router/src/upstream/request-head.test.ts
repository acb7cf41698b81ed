import { describe, expect, it } from "vitest";
import { requestHead } from "./request-head.ts";

describe("the head of a call", () => {
  it("is one line for each header", () => {
    expect(requestHead("/v1/x?a=b", "v:1", ["a", "1", "b", "ü"])).toBe(
      "POST /v1/x?a=b HTTP/1.1\r\nhost: v:1\r\nconnection: keep-alive\r\na: 1\r\nb: ü\r\n",
    );
  });

  it.each([
    ["/", ["a", "1\r\nb: 2"]],
    ["/", ["a", "1\n"]],
    ["/", ["a", "\0"]],
    ["/", ["a", "☃"]],
    ["/", ["a b", "1"]],
    ["/", ["", "1"]],
    ["/ HTTP/1.1\r\nx: y", []],
    ["/a b", []],
    ["http://elsewhere/", []],
  ])("can't carry a second line: %j %j", (path, headers) => {
    expect(requestHead(path, "v", headers)).toBeUndefined();
  });
});
