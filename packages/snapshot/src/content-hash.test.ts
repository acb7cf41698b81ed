import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  addToContentHash,
  emptyContentHash,
  equalHashes,
  removeFromContentHash,
} from "./content-hash.ts";
import { testEnvironment } from "./example-entries.fixture.ts";

const { sha256 } = testEnvironment;

describe("content hash", () => {
  it("does not depend on the order, and removing undoes adding", () => {
    const item = fc.tuple(fc.string(), fc.uint8Array({ maxLength: 20 }));
    fc.assert(
      fc.property(fc.array(item), fc.array(item), (kept, removed) => {
        let hash = emptyContentHash;
        for (const [name, bytes] of [...kept, ...removed]) {
          hash = addToContentHash(hash, name, bytes, sha256);
        }
        for (const [name, bytes] of removed) {
          hash = removeFromContentHash(hash, name, bytes, sha256);
        }
        let other = emptyContentHash;
        for (const [name, bytes] of kept.toReversed()) {
          other = addToContentHash(other, name, bytes, sha256);
        }
        expect(equalHashes(hash, other)).toBe(true);
      }),
    );
  });

  it("is a sum modulo 2^256", () => {
    const all = new Uint8Array(32).fill(255);
    const one = () => Uint8Array.from({ length: 32 }, (_, index) => (index === 31 ? 1 : 0));
    expect(addToContentHash(all, "n", new Uint8Array(), one)).toEqual(emptyContentHash);
    expect(removeFromContentHash(emptyContentHash, "n", new Uint8Array(), one)).toEqual(all);
  });
});
