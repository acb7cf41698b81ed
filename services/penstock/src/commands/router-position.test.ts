import { create } from "@bufbuild/protobuf";
import { RouterStatusSchema } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { countRouters, routerPosition, routersWithout } from "./router-position.ts";

const router = (replica: string, installationId: string, appliedRevision: bigint) =>
  create(RouterStatusSchema, { replica, installationId, appliedRevision });

const routers = [router("own", "i", 3n), router("foreign", "j", 26n), router("empty", "", 0n)];

describe("how many routers there are", () => {
  it.each([
    ["1 router", ["a"]],
    ["2 routers", ["a", "b"]],
    ["1 router with 3 workers", ["a", "a_1", "a_2"]],
    ["2 routers with 4 workers", ["a", "a_1", "b_1", "b_10"]],
    ["2 routers", ["a-1", "a-2"]],
  ])("is %s of the reports %j", (count, replicas) => {
    expect(countRouters(replicas.map((replica) => ({ replica })))).toBe(count);
  });
});

describe("where a router is", () => {
  it("does not take the number of another installation for ours", () => {
    const without = routersWithout(routers, { installationId: "i", revision: 3n });
    expect(without.map(({ replica }) => replica)).toEqual(["foreign", "empty"]);
    expect(routers.map((one) => routerPosition(one, "i"))).toEqual([
      "3",
      "26 of another installation",
      "0",
    ]);
  });

  it("goes by the numbers where policy does not tell its installation", () => {
    const without = routersWithout(routers, { installationId: "", revision: 3n });
    expect(without.map(({ replica }) => replica)).toEqual(["empty"]);
  });
});
