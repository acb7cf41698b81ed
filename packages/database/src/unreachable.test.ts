import { describe, expect, it } from "vitest";
import { toStorageError } from "./storage-error.ts";
import { explainUnreachable } from "./unreachable.ts";

const refused = (address: string): Error =>
  Object.assign(new Error(`connect ECONNREFUSED ${address}`), { code: "ECONNREFUSED" });

describe("why a database can't be used", () => {
  it("is told with the address and what to do", () => {
    const told = {
      cause: "connect ECONNREFUSED 127.0.0.1:9",
      code: "ECONNREFUSED",
      advice: "start PostgreSQL, or correct PENSTOCK_DATABASE_URL",
    };
    expect(explainUnreachable(refused("127.0.0.1:9"))).toEqual(told);
    expect(explainUnreachable(toStorageError(refused("127.0.0.1:9")))).toEqual(told);
    const both = [refused("127.0.0.1:9"), refused("::1:9")];
    expect(explainUnreachable(new AggregateError(both))).toEqual(told);
  });

  it("tells a refused user from a server that is away", () => {
    const error = Object.assign(new Error("password authentication failed"), { code: "28P01" });
    expect(explainUnreachable(error).advice).toContain("check user, password and database");
  });
});
