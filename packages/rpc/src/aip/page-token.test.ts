import { create } from "@bufbuild/protobuf";
import { GenerateRequestSchema, ListTeamsRequestSchema } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPageTokens, listQuery, pageSize } from "./page-token.ts";

function reasonOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    return (error as GatewayError).reason;
  }
  return undefined;
}

describe("page tokens", () => {
  const tokens = createPageTokens(Buffer.from("key"));
  const query = Buffer.from("query");

  it("come back for their query and for no other", () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array(), fc.uint8Array(), (cursor, own, other) => {
        const text = cursor.toWellFormed();
        const token = tokens.encode(text, own);
        expect(token).toMatch(/^[\w-]+$/);
        expect(tokens.decode(token, own)).toBe(text);
        if (!Buffer.from(own).equals(Buffer.from(other))) {
          expect(reasonOf(() => tokens.decode(token, other))).toBe("PAGE_TOKEN_INVALID");
        }
      }),
    );
  });

  it("do not survive a change of any character, nor another key", () => {
    const token = tokens.encode("cursor", query);
    const change = fc.tuple(fc.nat(token.length - 1), fc.constantFrom(..."aZ09-_+/= \n"));
    fc.assert(
      fc.property(change, ([index, character]) => {
        fc.pre(token[index] !== character);
        const changed = token.slice(0, index) + character + token.slice(index + 1);
        expect(reasonOf(() => tokens.decode(changed, query))).toBe("PAGE_TOKEN_INVALID");
      }),
    );
    const others = createPageTokens(Buffer.from("other"));
    expect(reasonOf(() => others.decode(token, query))).toBe("PAGE_TOKEN_INVALID");
    for (const wrong of ["", "AQ", `${token}=`, "x".repeat(10_000)]) {
      expect(reasonOf(() => tokens.decode(wrong, query))).toBe("PAGE_TOKEN_INVALID");
    }
  });

  it("are bound to the fields of the request that choose what is listed", () => {
    const page = (pageToken: string, size: number) =>
      listQuery(
        ListTeamsRequestSchema,
        create(ListTeamsRequestSchema, { pageToken, pageSize: size }),
      );
    expect(page("a", 1)).toEqual(page("b", 2));
    const model = (name: string) =>
      listQuery(GenerateRequestSchema, create(GenerateRequestSchema, { model: name }));
    expect(model("a")).not.toEqual(model("b"));
  });

  it("come in pages of a bounded size", () => {
    expect(pageSize(0, { byDefault: 100 })).toBe(100);
    expect(pageSize(7)).toBe(7);
    expect(pageSize(1_000_000)).toBe(1_000);
    expect(reasonOf(() => pageSize(-1))).toBe("FIELD_INVALID");
  });
});
