import { describe, expect, it } from "vitest";
import { readTlsSettings } from "./tls-settings.ts";

const certificate = { PENSTOCK_TLS_CERT: "/c.crt", PENSTOCK_TLS_KEY: "/c.key" };

describe("readTlsSettings", () => {
  it("is off when nothing is set", () => {
    expect(readTlsSettings({})).toEqual({
      server: undefined,
      client: { caFile: undefined },
      doors: undefined,
      allowCleartext: false,
    });
  });

  it("serves and calls with the same certificate", () => {
    const settings = readTlsSettings({
      ...certificate,
      PENSTOCK_TLS_CLIENT_CA: "/clients.crt",
      PENSTOCK_TLS_CA: "/ca.crt",
      PENSTOCK_ALLOW_CLEARTEXT: "on",
    });
    const files = { certificateFile: "/c.crt", keyFile: "/c.key" };
    expect(settings).toEqual({
      server: { ...files, clientCaFile: "/clients.crt" },
      client: { ...files, caFile: "/ca.crt" },
      doors: undefined,
      allowCleartext: true,
    });
  });

  it.each([
    [{ PENSTOCK_TLS_CERT: "/c.crt" }, "PENSTOCK_TLS_CERT needs PENSTOCK_TLS_KEY"],
    [{ PENSTOCK_TLS_KEY: "/c.key" }, "PENSTOCK_TLS_KEY needs PENSTOCK_TLS_CERT"],
    [{ PENSTOCK_TLS_CLIENT_CA: "/c" }, "PENSTOCK_TLS_CLIENT_CA needs PENSTOCK_TLS_CERT"],
    [{ PENSTOCK_DOOR_TLS_CLIENT_CA: "/c" }, "needs PENSTOCK_DOOR_TLS_CERT"],
    [{ PENSTOCK_DOOR_TLS_KEY: "/c" }, "PENSTOCK_DOOR_TLS_KEY needs PENSTOCK_DOOR_TLS_CERT"],
  ])("says what is missing beside %j", (environment, message) => {
    expect(() => readTlsSettings(environment)).toThrow(message);
  });
});
