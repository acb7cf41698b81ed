import { describe, expect, it } from "vitest";
import { AnswerHead } from "./answer-head.ts";

const head = (lines: string, version = "1.1") =>
  new AnswerHead(`HTTP/${version} 200 OK\r\n${lines}`);

describe("the head of an answer", () => {
  it("finds headers whatever their case, and the first of several", () => {
    const both = head("X-One: 1\r\nSet-Cookie: a\r\nset-cookie: b\r\nx-empty:\r\nX-O: Ü\xfc\r\n");
    expect(both.get("x-one")).toBe("1");
    expect(both.get("set-cookie")).toBe("a");
    expect(both.get("x-empty")).toBe("");
    expect(both.get("x-o")).toBe("Ü\xfc");
    expect(both.get("one")).toBeUndefined();
    expect(both.get("cookie")).toBeUndefined();
  });

  it("does not take a part of a value for a header", () => {
    expect(head("a: content-length: 5\r\n").bodyLength).toBe("until-end");
  });

  it("knows when there are too many", () => {
    expect(head("a: 1\r\n".repeat(200)).hasMoreThan(200)).toBe(false);
    expect(head("a: 1\r\n".repeat(201)).hasMoreThan(200)).toBe(true);
    expect(head("a:\r\n".repeat(201)).hasMoreThan(200)).toBe(true);
  });

  it("tells whether its connection goes on", () => {
    expect(head("").keepsAlive).toBe(true);
    expect(head("", "1.0").keepsAlive).toBe(false);
    expect(head("Connection: Keep-Alive\r\n", "1.0").keepsAlive).toBe(true);
    expect(head("connection: Close\r\n").keepsAlive).toBe(false);
    expect(head("connection: foo, close\r\n").keepsAlive).toBe(false);
  });

  it("tells how long an idle connection is kept", () => {
    expect(head("keep-alive: timeout=5, max=100\r\n").idleSeconds).toBe(5);
    expect(head("keep-alive: max=100\r\n").idleSeconds).toBeUndefined();
    expect(head("").idleSeconds).toBeUndefined();
  });
});
