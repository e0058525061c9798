import { isIP } from "node:net";
import type { Context } from "koa";

/** Who sent a request: the address of the connection, or what the outermost of our own proxies saw. */
export function clientIp(ctx: Context, trustedProxies: number): string {
  const direct = ctx.req.socket.remoteAddress ?? "";
  // Each proxy adds whom it saw at the end; what stands further left is the client's own say.
  const seen =
    trustedProxies === 0 ? "" : (ctx.get("X-Forwarded-For").split(",").at(-trustedProxies) ?? "").trim();
  return plain(isIP(seen) === 0 ? direct : seen);
}

/** An IPv4 client of a socket that speaks both is the same client. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}
