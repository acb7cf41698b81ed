import { describe, expect, it } from "vitest";
import { connectionTarget } from "./connection-target.ts";

const base = "postgres://user:canary@db.example:5433/ledger";

describe("where the database is", () => {
  it("keeps what is no matter of TLS, and takes that out", () => {
    const { connectionString, ssl } = connectionTarget(`${base}?options=-cx&sslmode=disable`);
    expect(connectionString).toBe(`${base}?options=-cx`);
    expect(ssl).toBe(false);
    expect(connectionTarget(base).ssl).toBe(false);
    expect(connectionTarget("postgresql:///ledger?host=/run/postgresql").ssl).toBe(false);
  });

  it("reads sslmode as libpq does", () => {
    const file = new URL(import.meta.url).pathname;
    const ssl = (query: string) => connectionTarget(`${base}?${query}`).ssl;
    expect(ssl("sslmode=require")).toEqual({ rejectUnauthorized: false });
    expect(ssl("sslmode=verify-full")).toEqual({});
    const full = ssl(`sslmode=verify-full&sslrootcert=${file}`);
    expect(full).toEqual({ ca: expect.stringContaining("import") });
    for (const mode of ["require", "verify-ca"]) {
      const byAuthority = ssl(`sslmode=${mode}&sslrootcert=${file}`);
      expect(byAuthority).toMatchObject({ ca: expect.stringContaining("import") });
      expect(byAuthority).not.toHaveProperty("rejectUnauthorized");
    }
  });

  it.each([
    [
      "sslmode=prefer",
      'has sslmode="prefer"; it takes disable, require, verify-ca or verify-full, as prefer may',
    ],
    ["sslmode=", 'has sslmode=""; it takes disable, require, verify-ca or verify-full'],
    ["SSLMODE=require", 'has the parameter "SSLMODE"; of TLS it takes sslmode, sslrootcert, '],
    ["sslmode=require&sslmode=disable", "has sslmode more than once"],
    ["sslrootcert=/etc/ca.pem", "has sslrootcert without sslmode, which would mean disable;"],
  ])("says of %s what is wrong with it", (query, sentence) => {
    expect(() => connectionTarget(`${base}?${query}`)).toThrow(sentence);
  });

  it.each([
    "sslmode=prefer",
    "sslmode=allow",
    "sslmode=REQUIRE",
    "sslmode=verify-ca",
    "ssl=true",
    "sslmode=verify-full&sslrootcert=/nowhere/ca.pem",
  ])("refuses %s without repeating the password", (query) => {
    const read = (): unknown => connectionTarget(`${base}?${query}`);
    expect(read).toThrow(expect.objectContaining({ reason: "FIELD_INVALID" }));
    expect(read).toThrow(/^PENSTOCK_DATABASE_URL (?!.*canary)/);
  });
});
