import { describe, expect, it } from "vitest";
import { checkVersion } from "./nats-session.ts";

describe("the version of a NATS server", () => {
  it.each(["2.9.0", "2.9.10", "2.10.0", "2.12.3-RC.1", "3.0.0", "2.9"])("takes %s", (version) => {
    expect(() => checkVersion(version)).not.toThrow();
  });

  it.each(["2.8.9", "1.4.1", "0.9.0", "", "2.8.4-beta"])("refuses %j", (version) => {
    expect(() => checkVersion(version)).toThrow("NATS 2.9.0 or newer is needed");
  });
});
