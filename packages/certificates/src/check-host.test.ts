import { describe, expect, it } from "vitest";
import { hostProblem } from "./check-host.ts";

describe("a host of a certificate", () => {
  it.each([
    "localhost",
    "nats.internal",
    "NATS-1.Internal",
    "my_db",
    "*.internal",
    "*.a.b",
    "3com.example",
    "10.0.0.7",
    "::1",
    "fe80::1",
    "a".repeat(63),
  ])("may be %s", (host) => expect(hostProblem(host)).toBeUndefined());

  it.each([
    ["", "is empty"],
    ["a b", "space"],
    ["https://a", "scheme"],
    ["a:443", "port"],
    ["10.0.0.7:443", "port"],
    ["[::1]", "brackets"],
    ["a/b", "path"],
    ["10.0.0.0/8", "path"],
    ["*", "first part"],
    ["a.*.b", "first part"],
    ["a*.b", "first part"],
    ["*.*.b", "first part"],
    ["a..b", "neither"],
    ["a.", "neither"],
    ["-a", "neither"],
    ["a,b", "neither"],
    ["a".repeat(64), "neither"],
    ["10.0.0.300", "no IP address"],
    [`${"a.".repeat(127)}b`, "253 characters"],
  ])("may not be %j", (host, why) => expect(hostProblem(host)).toContain(why));
});
