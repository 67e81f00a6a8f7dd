/** Which addresses a source may lead to: a redirect must not turn a server's word into a look at this network. */
import { type LookupAddress, lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { GituneError } from "@gitune/core";

/** Private, link-local, loopback, shared, multicast and reserved: RFC 6890 and the registries of IANA. */
const INNER4 = new BlockList();
/** A list of its own: in one list, the range of IPv4 in IPv6 would hold every IPv4 address. */
const INNER6 = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const) {
  INNER4.addSubnet(network, prefix, "ipv4");
}
for (const [network, prefix] of [
  ["::", 127],
  // IPv4 in IPv6 (mapped, translated, 6to4), where an inner address would hide.
  ["::ffff:0:0", 96],
  ["64:ff9b::", 96],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const) {
  INNER6.addSubnet(network, prefix, "ipv6");
}

/** Whether an IP address is of the public internet. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !INNER4.check(address, "ipv4");
  return family === 6 && !INNER6.check(address, "ipv6");
}

/** @throws {GituneError} `refresh.address` where an address literal is an inner one; names are looked up later */
export function refuseInnerHost(hostname: string): void {
  const address = hostname.replace(/^\[|\]$/g, "");
  if (isIP(address) !== 0 && !isPublicAddress(address)) throw notAllowed();
}

/** As `dns.lookup`, but refuses inner addresses: checked where the connection is made, so that no answer can change in between. */
export const publicLookup: LookupFunction = (hostname, options, done) => {
  lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    const [first] = addresses ?? [];
    if (error) done(error, "", 0);
    else if (!first || !addresses.every(({ address }) => isPublicAddress(address))) done(notAllowed(), "", 0);
    else if (options.all) done(null, addresses);
    else done(null, first.address, first.family);
  });
};

/** Without the address: that it is there is what the server wanted to know. */
export function notAllowed(): GituneError {
  return new GituneError(
    {
      code: "refresh.address",
      severity: "error",
      message: "the source redirects to an address that is not allowed",
      expected: "the same server, or a public https address",
    },
    { exitCode: 3 },
  );
}
