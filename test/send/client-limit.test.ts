import assert from "node:assert/strict";
import { test } from "node:test";
import { isClientLimit } from "../../src/send/client-limit.ts";
import { connectionFailure } from "../../src/send/connection-failure.ts";

const error = (code: string, address = "10.0.0.1") =>
  Object.assign(new Error(`connect ${code}`), { code, address });

test("what this machine refuses is told from what the server and the way to it do", () => {
  for (const code of ["EMFILE", "ENFILE", "EADDRNOTAVAIL", "ENOBUFS", "ENOMEM", "EAGAIN"]) {
    assert.ok(isClientLimit(error(code)), code);
    assert.match(connectionFailure(error(code)), /this machine/);
  }
  for (const code of ["ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EHOSTUNREACH", "ENOTFOUND", "EAI_AGAIN"]) {
    assert.ok(!isClientLimit(error(code)), code);
  }
});

test("of several addresses of a name, one without IPv6 here is no limit beside another's failure", () => {
  const noIPv6 = error("EADDRNOTAVAIL", "::1");
  const all = (...errors: Error[]) => new AggregateError(errors);
  assert.ok(!isClientLimit(all(noIPv6, error("ECONNREFUSED"))));
  assert.ok(isClientLimit(all(noIPv6, error("EADDRNOTAVAIL"))));
  assert.ok(isClientLimit(all(error("ECONNREFUSED", "::1"), error("EADDRNOTAVAIL"))));
  assert.ok(isClientLimit(all(error("EMFILE", "::1"), error("EMFILE"))));
});
