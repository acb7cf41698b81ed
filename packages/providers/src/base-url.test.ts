import { describe, expect, it } from "vitest";
import { checkBaseUrl } from "./base-url.ts";

const open = { privateNetwork: false, allowInsecure: false };
const inside = { privateNetwork: true, allowInsecure: false };

describe("checkBaseUrl", () => {
  it.each([
    ["https://api.openai.com/v1", "https://api.openai.com/v1"],
    ["https://api.openai.com/v1/", "https://api.openai.com/v1"],
    ["HTTPS://API.OpenAI.com:443/v1", "https://api.openai.com/v1"],
    ["https://host.example.:8443", "https://host.example:8443"],
    ["https://bücher.example", "https://xn--bcher-kva.example"],
  ])("stores %s as %s", (text, url) => {
    expect(checkBaseUrl(text, open)).toMatchObject({ ok: true, url });
  });

  it("tells origin and path apart", () => {
    const check = checkBaseUrl("http://127.0.0.1:8080/demo/v1/", inside);
    expect(check).toEqual({
      ok: true,
      url: "http://127.0.0.1:8080/demo/v1",
      origin: "http://127.0.0.1:8080",
      path: "/demo/v1",
    });
  });

  // security.md, corpus S27 to S34.
  it.each([
    "http://169.254.169.254/",
    "https://169.254.169.254/",
    "http://0x7f.1/",
    "https://0x7f.1/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.0.1./",
    "https://①②⑦.⓪.⓪.①/",
    "https://0.0.0.0/",
    "https://0/",
    "https://[::ffff:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[fec0::1]/",
    "https://[::]/",
    "https://8.8.8.8/",
    "https://user:pw@host.example/",
    "https://a@b@c.example/",
    "https://@host.example/",
    "https://host.example/?",
    "https://host.example/?a=b",
    "https://host.example/#",
    "https://host.example\\@evil.example/",
    "https:\\\\host.example/",
    "https:/host.example/",
    "https:host.example",
    "https:///host.example",
    " https://host.example",
    "https://host.example\n/",
    "https://ho\tst.example/",
    "https://host.example/a/../b",
    "https://host.example/%2e%2e/b",
    "https://host.example//v1",
    "https://host.example/v1;x",
    "https://127%2e0.0.1/",
    "https://localhost/",
    "https://db.internal/",
    "https://metadata.google.internal/",
    "https://host/",
    "http://api.openai.com/v1",
    "file:///etc/passwd",
    "gopher://host.example/",
    "data:text/html,x",
    "unix:/run/x.sock",
    "ws://host.example/",
    "https://host.example:0/",
    "https://host.example:99999/",
    "",
    "https://",
    `https://host.example/${"a".repeat(3_000)}`,
  ])("refuses %j in the open", (text) => {
    expect(checkBaseUrl(text, open)).toMatchObject({ ok: false, problem: expect.any(String) });
  });

  it.each([
    "http://localhost:9000",
    "https://db.internal/",
    "http://10.1.2.3/v1",
    "http://[::1]:80/",
  ])("accepts %s in a private network", (text) => {
    expect(checkBaseUrl(text, inside).ok).toBe(true);
  });

  it.each([
    "http://169.254.169.254/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[fd00:ec2::254]/",
    "http://100.100.100.200/",
    "http://metadata.google.internal./",
    "http://0.0.0.0/",
    "http://224.0.0.1/",
  ])("refuses %s even in a private network", (text) => {
    expect(checkBaseUrl(text, inside).ok).toBe(false);
  });

  it("takes http for a public host only when asked by name", () => {
    const insecure = { privateNetwork: false, allowInsecure: true };
    expect(checkBaseUrl("http://api.example.com", insecure).ok).toBe(true);
    expect(checkBaseUrl("http://localhost", insecure).ok).toBe(false);
  });
});
