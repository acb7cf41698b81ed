import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isAddressAllowed, isMetadataAddress } from "./address-guard.ts";
import { parseIpAddress, parseIpRange } from "./ip-address.ts";

const open = { privateNetwork: false };
const inside = { privateNetwork: true };

// An implementation of its own: numbers of 32 bits over the table of security.md R5, and the
// metadata address outside of it.
const denied = [
  "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24",
  "192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24",
  "224.0.0.0/4 240.0.0.0/4 168.63.129.16/32",
].flatMap((line) => line.split(" ").map((cidr) => cidr.split("/")));

function toNumber(address: string): number {
  return address.split(".").reduce((sum, text) => sum * 256 + Number(text), 0);
}

function isDenied(address: string): boolean {
  return denied.some(([base = "", length]) => {
    const size = 2 ** (32 - Number(length));
    return toNumber(address) >= toNumber(base) && toNumber(address) < toNumber(base) + size;
  });
}

/** The version of an address as the engine's own URL parser sees it; 0 for none. */
function versionOf(text: string): number {
  if (/^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/.test(text)) return 4;
  try {
    return new URL(`http://[${text}]/`).hostname === "" ? 0 : 6;
  } catch {
    return 0;
  }
}

const octet = fc.integer({ min: 0, max: 255 });
const anyIpv4 = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join("."));
// Half of the runs stay near the borders of the table.
const nearIpv4 = fc
  .tuple(fc.constantFrom(0, 9, 10, 11, 100, 127, 169, 172, 192, 198, 203, 224, 240, 255), octet)
  .chain(([first, second]) =>
    fc.tuple(fc.constant(first), fc.constant(second), octet, octet).map((four) => four.join(".")),
  );
const ipv4 = fc.oneof(anyIpv4, nearIpv4);

function groups(address: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

describe("isAddressAllowed", () => {
  it("agrees with an independent reading of the table about every IPv4 address", () => {
    fc.assert(
      fc.property(ipv4, (address) => {
        expect(isAddressAllowed(address, open)).toBe(!isDenied(address));
      }),
      { numRuns: 2_000 },
    );
  });

  it("gives every form that holds an IPv4 address the verdict of that address", () => {
    fc.assert(
      fc.property(ipv4, fc.boolean(), (address, privateNetwork) => {
        const verdict = isAddressAllowed(address, { privateNetwork });
        for (const form of [
          `::ffff:${address}`,
          `::FFFF:${groups(address)}`,
          `0:0:0:0:0:ffff:${address}`,
          `64:ff9b::${groups(address)}`,
          `2002:${groups(address)}::1`,
        ]) {
          expect([form, isAddressAllowed(form, { privateNetwork })]).toEqual([form, verdict]);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("allows of IPv6 only global unicast less what is special", () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const first = parseIpAddress(address);
        if (first === undefined || !isAddressAllowed(address, open)) return;
        const top = Number(first.value >> 125n);
        const embedded = first.value >> 32n === 0xffffn || first.value >> 96n === 0x64ff9bn;
        expect(top === 1 || embedded).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "3fff::1",
    "5f00::1",
    "::127.0.0.1",
  ])("refuses %s", (address) => {
    expect(isAddressAllowed(address, open)).toBe(false);
  });

  it.each(["2606:4700:4700::1111", "2a00:1450:4001::200e", "1.1.1.1", "::ffff:8.8.8.8"])(
    "allows %s",
    (address) => {
      expect(isAddressAllowed(address, open)).toBe(true);
    },
  );

  it.each(["10.0.0.1", "127.0.0.1", "172.31.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd12::1"])(
    "allows %s in a private network only",
    (address) => {
      expect(isAddressAllowed(address, open)).toBe(false);
      expect(isAddressAllowed(address, inside)).toBe(true);
    },
  );

  it.each([
    "169.254.169.254",
    "::ffff:a9fe:a9fe",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
  ])("refuses the metadata address %s whatever is allowed", (address) => {
    const everything = { privateNetwork: true, allowedCidrs: ["0.0.0.0/0", "::/0"] };
    expect(isAddressAllowed(address, everything)).toBe(false);
    expect(isMetadataAddress(address)).toBe(true);
  });

  it("allows a range by name, and nothing beside it", () => {
    const policy = { privateNetwork: false, allowedCidrs: ["198.18.0.0/24", "nonsense"] };
    expect(isAddressAllowed("198.18.0.7", policy)).toBe(true);
    expect(isAddressAllowed("::ffff:198.18.0.7", policy)).toBe(true);
    expect(isAddressAllowed("198.18.1.7", policy)).toBe(false);
  });

  it.each([
    "",
    "localhost",
    "127.1",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "1.1.1.1 ",
    "[::1]",
    "fe80::1%eth0",
    "1.1.1.256",
    "1:2:3",
    "1::2::3",
    "::ffff:1.1.1",
    "1.1.1.1::",
    "12345::",
  ])("refuses %j, which is no plain address", (address) => {
    expect(isAddressAllowed(address, inside)).toBe(false);
  });
});

describe("parseIpAddress", () => {
  it("agrees with the engine about what an address is", () => {
    const text = fc.oneof(ipv4, fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{0,20}$/));
    fc.assert(
      fc.property(text, (address) => {
        expect(parseIpAddress(address)?.version ?? 0).toBe(versionOf(address));
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("parseIpRange", () => {
  it.each(["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0", "10.0.0.0/8/8", "::/129", "x/8", "::1/64"])(
    "refuses %s",
    (text) => {
      expect(parseIpRange(text)).toBeUndefined();
    },
  );
});
