import { lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

/**
 * What an address says about who listens there, by `URL`'s own spelling of it: `new URL` has already turned
 * decimal, hexadecimal and octal spellings of an address into the usual one.
 */

/** Where cloud machines keep credentials for whoever asks from inside: link-local, and a few that are not. */
export function isMetadataHost(hostname: string): boolean {
  const host = bareHost(hostname);
  if (isIP(host) !== 0) return holds(METADATA, host);
  return METADATA_NAMES.some((name) => host === name || host.endsWith(`.${name}`));
}

/** Anywhere but on this machine or in a network of one's own, as far as the name tells. */
export function isPublicHost(hostname: string): boolean {
  const host = bareHost(hostname);
  if (isIP(host) !== 0) return !holds(PRIVATE, host);
  // Containers and services of one network call each other by a single word.
  return host.includes(".") && !PRIVATE_DOMAINS.some((domain) => host.endsWith(domain));
}

/** Resolves names as Node does, but to no metadata service: a name may stand for any address at any time. */
export const lookupButMetadata: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, options, (error, found, family) => {
    const addresses = Array.isArray(found) ? found.map(({ address }) => address) : [found];
    const refused =
      isMetadataHost(hostname) || (error === null && addresses.some((one) => holds(METADATA, one)));
    callback(refused ? new MetadataRefused(hostname) : error, found, family);
  });
};

/** Nothing was sent there. */
export class MetadataRefused extends Error {
  constructor(hostname: string) {
    super(`${hostname} is a link-local or metadata address, which is never measured`);
    this.name = "MetadataRefused";
  }
}

const METADATA = blockList([
  ["169.254.0.0", 16],
  ["100.100.100.200", 32],
  ["168.63.129.16", 32],
  ["192.0.0.192", 32],
  ["fe80::", 10],
  ["fd00:ec2::254", 128],
  // The same in the clothes that IPv6 has had for IPv4 over time, by way of NAT64 and of 6to4.
  ["::a9fe:0", 112],
  ["::ffff:0:a9fe:0", 112],
  ["64:ff9b::a9fe:0", 112],
  ["64:ff9b:1::", 48],
  ["2002:a9fe::", 32],
]);
const METADATA_NAMES = ["metadata.google.internal", "metadata.goog", "instance-data.ec2.internal"];

const PRIVATE = blockList([
  ["127.0.0.0", 8],
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["100.64.0.0", 10],
  ["0.0.0.0", 32],
  ["::", 127],
  ["fc00::", 7],
]);
const PRIVATE_DOMAINS = [".localhost", ".internal", ".local", ".lan", ".home.arpa", ".svc"];

function blockList(subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of subnets) list.addSubnet(network, prefix, familyOf(network));
  return list;
}

/** An IPv4 address in IPv6's clothes is looked up as what it is. */
function holds(list: BlockList, address: string): boolean {
  return isIP(address) !== 0 && list.check(address, familyOf(address));
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}

/** As connections are made to it and lists name it: no brackets around IPv6, no dot at the end, lower case. */
export function bareHost(hostname: string): string {
  return hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "");
}
