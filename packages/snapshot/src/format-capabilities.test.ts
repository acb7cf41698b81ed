import { CapabilitiesSchema } from "@penstock/api";
import { expect, it } from "vitest";

import { formatCapabilities } from "./format-capabilities.ts";

it("names fields of the capability record only, and only what is lacking", () => {
  const known = new Set(CapabilitiesSchema.fields.map(({ localName }) => localName));
  for (const lacked of Object.values(formatCapabilities)) {
    expect(Object.keys(lacked).filter((name) => !known.has(name))).toEqual([]);
    expect(Object.values(lacked).every((value) => value === false)).toBe(true);
  }
});
