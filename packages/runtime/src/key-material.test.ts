import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  claimedKeyId,
  crc32,
  generateKey,
  hashKey,
  keyMatches,
  keysEqual,
  parseKey,
} from "./key-material.ts";

describe("keys", () => {
  it.each(["psk", "pat", "pst"] as const)("%s: what is made can be parsed", (kind) => {
    const made = generateKey(kind);
    expect(made.text).toMatch(/^p(sk|at|st)_[a-z2-7]{12}_[0-9A-Za-z]{49}$/);
    expect(parseKey(made.text)).toEqual({ kind, id: made.id });
    expect(keysEqual(made.sha256, hashKey(made.text))).toBe(true);
  });

  it("knows a key written down here, so that the form cannot drift", () => {
    const body = `psk_abcdefghij23_${"0".repeat(43)}`;
    expect(crc32(body)).toBe(0x54f9_58af);
    expect(parseKey(`${body}1YTmmt`)).toEqual({ kind: "psk", id: "abcdefghij23" });
  });

  it("finds the id that a text claims, of keys of one kind only", () => {
    const { id, text } = generateKey("psk");
    expect(claimedKeyId(text, "psk")).toBe(id);
    expect(claimedKeyId(text, "pat")).toBeUndefined();
    expect(claimedKeyId(`${text} `, "psk")).toBeUndefined();
    expect(claimedKeyId(text.slice(1), "psk")).toBeUndefined();
    expect(claimedKeyId(text.replaceAll("_", "-"), "psk")).toBeUndefined();
    expect(claimedKeyId(`${text.slice(0, -1)}!`, "psk")).toBe(id);
  });

  it("refuses every single changed character", () => {
    const { text } = generateKey("psk");
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, to) => {
        fc.pre(text[at] !== to);
        expect(parseKey(text.slice(0, at) + to + text.slice(at + 1))).toBeUndefined();
      }),
    );
  });

  it("refuses any other text, whatever its length", () => {
    fc.assert(fc.property(fc.string(), (text) => parseKey(text) === undefined));
    expect(parseKey("psk_".repeat(100_000))).toBeUndefined();
    const { text } = generateKey("psk");
    expect(parseKey(`${text}\n`)).toBeUndefined();
    expect(parseKey(text.replace("psk_", "psx_"))).toBeUndefined();
  });

  it("tells the key of a hash from every other, and from hashes of another length", () => {
    const { text, sha256 } = generateKey("psk");
    expect(keyMatches(text, sha256)).toBe(true);
    expect(keyMatches(generateKey("psk").text, sha256)).toBe(false);
    expect(keyMatches(text, sha256.subarray(1))).toBe(false);
    expect(keyMatches(text, new Uint8Array(33))).toBe(false);
    fc.assert(
      fc.property(fc.nat(31), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const other = sha256.map((byte, index) => (index === at ? byte ^ flip : byte));
        expect(keyMatches(text, other)).toBe(false);
      }),
    );
  });

  it("compares hashes of different length without throwing", () => {
    expect(keysEqual(new Uint8Array(32), new Uint8Array(31))).toBe(false);
    expect(keysEqual(hashKey("a"), hashKey("b"))).toBe(false);
    expect(Buffer.from(hashKey("abc")).toString("hex")).toMatch(
      /^ba7816bf8f01cfea414140de5dae2223/,
    );
  });
});
