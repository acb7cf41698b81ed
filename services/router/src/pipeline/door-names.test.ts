import { Door } from "@penstock/api";
import { expect, it } from "vitest";
import { doorNames, namedDoors } from "./door-names.ts";

it("every door over HTTP has a route and a shape of its own", () => {
  const others: Door[] = [Door.UNSPECIFIED, Door.GRPC];
  const doors = Object.values(Door).filter((door) => typeof door === "number");
  const overHttp = (doors as Door[]).filter((door) => !others.includes(door));
  expect(namedDoors).toEqual(new Set(overHttp));
  const names = overHttp.map(doorNames);
  expect(new Set(names.map(({ route }) => route)).size).toBe(overHttp.length);
  expect(new Set(names.map(({ shape }) => shape)).size).toBe(overHttp.length);
});
