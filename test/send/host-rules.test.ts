/** Which hosts hold a cloud machine's credentials, and which are out on the internet. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isMetadataHost, isPublicHost, lookupButMetadata } from "../../src/send/host-rules.ts";

for (const [address, why] of [
  ["169.254.169.254", "the usual one"],
  ["169.254.170.2", "of containers"],
  ["2852039166", "as one decimal number"],
  ["0xa9fea9fe", "as one hexadecimal number"],
  ["0xa9.0xfe.0xa9.0xfe", "in hexadecimal parts"],
  ["0251.0376.0251.0376", "in octal parts"],
  ["169.254.43518", "in three parts"],
  ["[::ffff:169.254.169.254]", "in IPv6's clothes"],
  ["[::ffff:a9fe:a9fe]", "in IPv6's clothes and hexadecimal"],
  ["[64:ff9b::a9fe:a9fe]", "by way of NAT64"],
  ["[fd00:ec2::254]", "Amazon's by IPv6"],
  ["[fe80::1]", "link-local"],
  ["100.100.100.200", "Alibaba's"],
  ["metadata.google.internal", "by name"],
  ["METADATA.google.internal.", "by name, otherwise spelled"],
] as const) {
  test(`${address} is a metadata address: ${why}`, () => {
    assert.equal(isMetadataHost(new URL(`http://${address}/v1`).hostname), true);
  });
}

for (const host of ["127.0.0.1", "10.0.0.1", "llm.example.com", "metadata.example.com", "[::1]", "vllm"]) {
  test(`${host} is no metadata address`, () => {
    assert.equal(isMetadataHost(new URL(`http://${host}/v1`).hostname), false);
  });
}

for (const [host, open] of [
  ["localhost", false],
  ["127.0.0.1", false],
  ["127.8.8.8", false],
  ["[::1]", false],
  ["10.1.2.3", false],
  ["172.16.0.1", false],
  ["172.32.0.1", true],
  ["192.168.1.1", false],
  ["100.64.0.1", false],
  ["[fd12::1]", false],
  ["[::ffff:10.0.0.1]", false],
  ["[::ffff:8.8.8.8]", true],
  ["vllm", false],
  ["llm.team.internal", false],
  ["host.docker.internal", false],
  ["llm.example.com", true],
  ["internal.example.com", true],
  ["8.8.8.8", true],
  ["[2001:db8::1]", true],
] as const) {
  test(`${host} is ${open ? "" : "not "}a public host`, () => {
    assert.equal(isPublicHost(new URL(`http://${host}/v1`).hostname), open);
  });
}

test("a name that stands for a metadata address is refused when it is resolved", async () => {
  const resolved = (name: string) =>
    new Promise((resolve) =>
      lookupButMetadata(name, { all: true }, (error, found) => resolve(error ?? found)),
    );
  // An address resolves to itself, without anybody being asked.
  assert.match(String(await resolved("169.254.169.254")), /never measured/);
  assert.deepEqual(await resolved("127.0.0.1"), [{ address: "127.0.0.1", family: 4 }]);
});
