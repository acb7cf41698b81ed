/** An address as a number, with the version that says how many bits it has. */
export interface IpAddress {
  version: 4 | 6;
  value: bigint;
}

/** A range of addresses of one version. */
export interface IpRange {
  version: 4 | 6;
  /** First address. */
  first: bigint;
  /** Number of leading bits that are fixed. */
  prefixLength: number;
}

/**
 * Reads an address in its plain notation: four decimal numbers without leading zeros, or IPv6
 * with or without dotted end. No zones, no brackets, no shorthand of IPv4. Undefined otherwise.
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (text.length > 45) return undefined;
  if (!text.includes(":")) {
    const value = parseIpv4(text);
    return value === undefined ? undefined : { version: 4, value };
  }
  const value = parseIpv6(text);
  return value === undefined ? undefined : { version: 6, value };
}

/** Reads a range such as `10.0.0.0/8`; bits behind the prefix must be zero. */
export function parseIpRange(text: string): IpRange | undefined {
  const [base = "", length = "", ...more] = text.split("/");
  const address = parseIpAddress(base);
  if (address === undefined || more.length > 0 || !/^\d{1,3}$/.test(length)) return undefined;
  const bits = address.version === 4 ? 32 : 128;
  const prefixLength = Number(length);
  if (prefixLength > bits) return undefined;
  const free = BigInt(bits - prefixLength);
  if ((address.value >> free) << free !== address.value) return undefined;
  return { version: address.version, first: address.value, prefixLength };
}

/** Whether an address lies in a range; addresses of the other version never do. */
export function isInRange(address: IpAddress, range: IpRange): boolean {
  if (address.version !== range.version) return false;
  const free = BigInt((address.version === 4 ? 32 : 128) - range.prefixLength);
  return address.value >> free === range.first >> free;
}

function parseIpv4(text: string): bigint | undefined {
  const octets = text.split(".");
  if (octets.length !== 4) return undefined;
  let value = 0n;
  for (const octet of octets) {
    if (!/^(?:0|[1-9]\d{0,2})$/.test(octet) || Number(octet) > 255) return undefined;
    value = (value << 8n) | BigInt(octet);
  }
  return value;
}

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = parseGroups(halves[1] ?? "", true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail];
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

/** Groups of 16 bits; an IPv4 address may stand for the last two where `dotted` allows it. */
function parseGroups(text: string, dotted: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const words = text.split(":");
  for (const [position, word] of words.entries()) {
    if (dotted && position === words.length - 1 && word.includes(".")) {
      const value = parseIpv4(word);
      if (value === undefined) return undefined;
      groups.push(Number(value >> 16n), Number(value & 0xffffn));
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(word)) return undefined;
      groups.push(Number.parseInt(word, 16));
    }
  }
  return groups;
}
