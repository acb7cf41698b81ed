import {
  isInRange,
  parseIpAddress,
  parseIpRange,
  type IpAddress,
  type IpRange,
} from "./ip-address.ts";

/** What a provider's configuration allows beyond public addresses. */
export interface AddressPolicy {
  /** Loopback and private networks are allowed (`Provider.private_network`). */
  privateNetwork: boolean;
  /** Ranges allowed by name (`Provider.transport.allowed_cidrs`). Absent: none. */
  allowedCidrs?: readonly string[] | undefined;
}

// Services of clouds that hand credentials to whoever asks from inside: AWS, ECS, EKS, Alibaba,
// Azure, Oracle. Refused whatever the configuration says.
const metadata = ranges(
  "169.254.169.254/32",
  "169.254.170.2/32",
  "169.254.170.23/32",
  "100.100.100.200/32",
  "168.63.129.16/32",
  "192.0.0.192/32",
  "fd00:ec2::254/128",
  "fd00:ec2::23/128",
);

// What `privateNetwork` opens: networks that people run servers in, and the machine itself.
const privateNetworks = ranges(
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "::1/128",
  "fc00::/7",
);

// The table of security.md R5, after the IANA registries of special-purpose addresses.
const specialIpv4 = ranges(
  "0.0.0.0/8",
  "169.254.0.0/16",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
);

// IPv6 is the other way round: only global unicast is public, less what is special within it.
const globalUnicast = ranges("2000::/3");
const specialIpv6 = ranges("2001::/23", "2001:db8::/32", "3fff::/20");

// Forms that hold an IPv4 address: mapped, NAT64, and 6to4 with the address behind the first group.
const [mapped, nat64, sixToFour] = [
  range("::ffff:0:0/96"),
  range("64:ff9b::/96"),
  range("2002::/16"),
];

/**
 * Whether a connection to an address is allowed. To be asked for every address that a name
 * resolves to, at the time of connecting. Anything that is no plain address is refused.
 */
export function isAddressAllowed(ip: string, policy: AddressPolicy): boolean {
  const address = parseIpAddress(ip);
  if (address === undefined) return false;
  const inner = unwrap(address);
  if (isAny(address, metadata) || isAny(inner, metadata)) return false;
  const named = (policy.allowedCidrs ?? []).map(parseIpRange).filter((one) => one !== undefined);
  if (isAny(address, named) || isAny(inner, named)) return true;
  if (isAny(inner, privateNetworks)) return policy.privateNetwork;
  return isPublic(inner);
}

/** Whether an address belongs to a cloud's metadata service, in whatever form it is written. */
export function isMetadataAddress(ip: string): boolean {
  const address = parseIpAddress(ip);
  if (address === undefined) return false;
  return isAny(address, metadata) || isAny(unwrap(address), metadata);
}

function isPublic(address: IpAddress): boolean {
  if (address.version === 4) return !isAny(address, specialIpv4);
  return isAny(address, globalUnicast) && !isAny(address, specialIpv6);
}

/** The IPv4 address that an IPv6 address stands for, or the address itself. */
function unwrap(address: IpAddress): IpAddress {
  if (isInRange(address, mapped) || isInRange(address, nat64)) {
    return { version: 4, value: address.value & 0xffff_ffffn };
  }
  if (isInRange(address, sixToFour)) {
    return { version: 4, value: (address.value >> 80n) & 0xffff_ffffn };
  }
  return address;
}

function isAny(address: IpAddress, list: readonly IpRange[]): boolean {
  return list.some((one) => isInRange(address, one));
}

function ranges(...texts: string[]): IpRange[] {
  return texts.map(range);
}

function range(text: string): IpRange {
  const parsed = parseIpRange(text);
  if (parsed === undefined) throw new TypeError(`not a range: ${text}`);
  return parsed;
}
